"""Repeats and interleaves measurements, each in a fresh process.

Within a repetition every contender has its turn, and the order rotates from one repetition to the
next: what disturbs the machine for a while disturbs all of them. The harness ends exactly the
processes that it started: each child leads a group of its own.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.workloads import Workload
from benchmarks.workloads.base import Figures

_ROOT = Path(__file__).parents[1]
_STOP = 25.0  # longer than a child needs to stop a master and a worker
_TAIL = 15  # lines of a failed child's errors that are shown


@dataclass(slots=True)
class Measured:
    """All figures of one workload: by contender, one entry for each repetition."""

    workload: Workload
    figures: dict[str, list[Figures | None]] = field(default_factory=dict)

    def complete(self) -> bool:
        """Whether no measurement failed."""
        return all(None not in those for those in self.figures.values())


def measure(
    workload: Workload, contenders: Sequence[str], *, repeat: int, scale: float = 1.0
) -> Measured:
    """Every contender `repeat` times, in rotated order; a failure is told, and leaves a gap."""
    measured = Measured(workload, {name: [] for name in contenders})
    for repetition, name in _turns(contenders, repeat):
        print(f"{workload.name} {repetition + 1}/{repeat} {name}", file=sys.stderr)
        measured.figures[name].append(_one(workload, name, scale))
    return measured


def _turns(contenders: Sequence[str], repeat: int) -> Iterator[tuple[int, str]]:
    for repetition in range(repeat):
        first = repetition % len(contenders)
        for name in [*contenders[first:], *contenders[:first]]:
            yield repetition, name


def _one(workload: Workload, contender: str, scale: float) -> Figures | None:
    """The figures of a fresh process, or None when it failed."""
    with tempfile.TemporaryDirectory() as directory:
        output, errors = Path(directory, "figures"), Path(directory, "errors")
        command = ["benchmarks.child", workload.name, contender, "--scale", str(scale)]
        failure = _run([*command, "--output", str(output)], errors, directory, workload.timeout)
        if failure is None:
            figures: Figures = json.loads(output.read_text())
            return figures
        tail = errors.read_text(errors="replace").splitlines()[-_TAIL:]
    print(f"{workload.name} {contender}: {failure}", *tail, sep="\n    ", file=sys.stderr)
    return None


def _run(command: list[str], errors: Path, configuration: str, timeout: float) -> str | None:
    """Run `python -m …` to its end; what went wrong, if anything."""
    with errors.open("w") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=_ROOT,
            env=_environment(configuration),
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            return f"exit status {status}" if (status := child.wait(timeout)) else None
        except subprocess.TimeoutExpired:
            return f"not done after {timeout:.0f} s"
        finally:
            _end(child)


def _environment(configuration: str) -> dict[str, str]:
    """Ours without PiCloud's own settings: nothing of the user's may choose another master."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PICLOUD_")}
    return {**kept, "XDG_CONFIG_HOME": configuration, "RAY_USAGE_STATS_ENABLED": "0"}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child, with time to stop its own processes, and then what is left of its group."""
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_STOP)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
