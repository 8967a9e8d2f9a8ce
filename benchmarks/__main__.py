"""Command line: `python -m benchmarks [W1 W2 …]`, or `python -m benchmarks micro`."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import harness, micro, tables
from benchmarks.contenders import MODES, RIVALS, awaits, importable
from benchmarks.workloads import WORKLOADS, Workload

_PACKAGES = ("picloud", "ray", "distributed", "cloudpickle", "uvloop")


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 1 when a measurement failed."""
    if list(arguments) == ["micro"]:
        return _micro()
    chosen = _parse(arguments)
    names = _contenders(chosen.modes, chosen.rivals)
    print(f"contenders: {', '.join(names)}", file=sys.stderr)
    if chosen.scale != 1:
        print(f"A trial with {chosen.scale:g} of the work: not to be quoted.")
    done: list[harness.Measured] = []
    for name in chosen.workloads or WORKLOADS:
        measured = _measure(WORKLOADS[name], names, chosen)
        tables.print_table(measured)
        done.append(measured)
        if chosen.json:  # after every workload, so that an interrupted run keeps its figures
            chosen.json.write_text(json.dumps(_report(done, chosen.scale), indent=1) + "\n")
    return 0 if all(measured.complete() for measured in done) else 1


def _measure(
    workload: Workload, names: Sequence[str], chosen: argparse.Namespace
) -> harness.Measured:
    able = [name for name in names if awaits(name) or not workload.awaits]
    repeat = chosen.repeat or workload.repeat
    return harness.measure(workload, able, repeat=repeat, scale=chosen.scale)


def _micro() -> int:
    for module, figures in micro.run_all().items():
        print(f"\n## {module}\n")
        print("\n".join(f"* {name}: {value:,.3g}" for name, value in figures.items()))
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--repeat", type=int, help="repetitions (default: by workload, 3 or 5)")
    parser.add_argument("--rivals", type=_some_of(RIVALS), help=_choices(RIVALS))
    parser.add_argument("--modes", type=_some_of(MODES), help=_choices(MODES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the work, for a trial")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.workloads) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(sorted(unknown))}: there are {', '.join(WORKLOADS)}")
    return chosen


def _some_of(entries: Iterable[str]) -> Callable[[str], list[str]]:
    """A type for argparse: names from `entries`, separated by commas."""

    def names(text: str) -> list[str]:
        given = [name for name in text.split(",") if name]
        if unknown := set(given) - set(entries):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}")
        return given

    return names


def _choices(entries: Iterable[str]) -> str:
    return f"some of {','.join(entries)} (default: all that can be imported; '' for none)"


def _contenders(modes: list[str] | None, rivals: list[str] | None) -> list[str]:
    """Ours first; what was named must be there, what was not named may be missing."""
    named = [*_ours(modes or ()), *(rivals or ())]
    if missing := [name for name in named if not importable(name)]:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    ours = _ours(MODES if modes is None else modes)
    names = [*ours, *(RIVALS if rivals is None else rivals)]
    if found := [name for name in names if importable(name)]:
        return found
    raise SystemExit("nothing to measure")


def _ours(modes: Iterable[str]) -> list[str]:
    return [f"ours-{mode}" for mode in modes]


def _report(done: Iterable[harness.Measured], scale: float) -> dict[str, Any]:
    """For JSON: what ran, and every figure of every repetition."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": dict(_versions()),
        "scale": scale,
        "workloads": {measured.workload.name: measured.figures for measured in done},
    }


def _versions() -> Iterable[tuple[str, str]]:
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
