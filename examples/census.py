"""A census of Python's own standard library: every file is parsed by a job of its own.

    python examples/census.py                 # each file once
    python examples/census.py --n 100000      # the same files again and again: 100,000 jobs

There is nothing to set up: without configuration the jobs run on this machine. A job gets the bytes
of its file and not its path, so that it may as well run on a machine that does not have the file.
In the end the same is computed here, in one process, and every number must be equal.
"""

import argparse
import ast
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import picloud as cloud

BLOCKS = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.Match, ast.While),
    *(ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.Try, ast.TryStar),
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


# ------------------------------------------------------------------------------ what a job does


class Report(NamedTuple):
    """What a job finds in one file."""

    lines: int
    parses: bool
    functions: int
    depth: int
    longest: int  # lines of the longest function
    name: str  # and its name
    seconds: float


def examine(source: bytes) -> tuple[Any, ...]:
    """The fields of a Report: a tuple is smaller on its way than an object of a class."""
    started = time.perf_counter()
    lines = len(source.splitlines())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in strings, and the like
            tree = ast.parse(source)
    except UNPARSABLE:
        return lines, False, 0, 0, 0, "", time.perf_counter() - started
    lengths = [length_and_name(node) for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    longest, name = max(lengths, default=(0, ""))
    return lines, True, len(lengths), depth(tree), longest, name, time.perf_counter() - started


def length_and_name(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, str]:
    """Lines from `def` to the end of the body."""
    return (function.end_lineno or function.lineno) - function.lineno + 1, function.name


def depth(tree: ast.AST) -> int:
    """How many blocks the most deeply nested block stands in, itself included."""
    deepest, todo = 0, [(tree, 0)]
    while todo:
        node, here = todo.pop()
        deepest = max(deepest, here)
        todo += [(child, here + opens(child, node)) for child in ast.iter_child_nodes(node)]
    return deepest


def opens(child: ast.AST, parent: ast.AST) -> bool:
    """Whether a child is one block deeper; an `elif` is not: it has the column of its `if`."""
    if isinstance(child, ast.If) and isinstance(parent, ast.If):
        return child.col_offset > parent.col_offset
    return isinstance(child, BLOCKS)


# --------------------------------------------------------------------------------- the program


def main() -> int:
    """Examine all files by jobs, print the census, and prove it; 1 when it is not equal."""
    chosen = parse_arguments()
    files = standard_library()
    sources = [path.read_bytes() for path in files.values()]
    count = len(files) if chosen.n is None else chosen.n
    started = time.perf_counter()
    with a_cloud(chosen.workers) as here:
        jobs = here.map(examine, islice(cycle(sources), count))
        reports = list(with_progress(here.iresult(jobs), count))
    seconds = time.perf_counter() - started
    names = list(islice(cycle(files), count))
    print_census(names, reports)
    print_throughput(reports, sum(map(len, islice(cycle(sources), count))), seconds)
    return prove(names, reports, sources[:count], seconds)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=positive, help="jobs (default: one for each file)")
    parser.add_argument("--workers", type=positive, help="worker processes (default: the cloud's)")
    return parser.parse_args()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def standard_library() -> dict[str, Path]:
    """Every Python file of it, by its name within."""
    root = Path(sysconfig.get_path("stdlib"))
    found = (path for path in sorted(root.rglob("*.py")) if path.is_file())
    inside = {str(path.relative_to(root)): path for path in found}
    others = ("site-packages", "dist-packages")  # what was installed beside it
    return {name: path for name, path in inside.items() if not name.startswith(others)}


def a_cloud(workers: int | None) -> AbstractContextManager[Any]:
    """The default cloud, or one with a number of workers: a session has the same verbs."""
    return nullcontext(cloud) if workers is None else cloud.embedded(workers=workers)


def with_progress(results: Iterator[tuple[Any, ...]], total: int) -> Iterator[Report]:
    """The reports; on a terminal, a line tells how many have come."""
    shown = time.monotonic()
    for done, fields in enumerate(results, start=1):
        if sys.stderr.isatty() and (done == total or time.monotonic() - shown > 0.1):
            shown = time.monotonic()
            end = "\n" if done == total else ""
            print(f"\r{done:,} of {total:,} jobs", end=end, file=sys.stderr, flush=True)
        yield Report._make(fields)


def print_census(names: Sequence[str], reports: Sequence[Report]) -> None:
    """The table: sums, and where the records are held."""
    each = list(zip(reports, names, strict=True))
    deep, where_deep = max(each, key=lambda pair: pair[0].depth)
    long, where_long = max(each, key=lambda pair: pair[0].longest)
    slow, where_slow = max(each, key=lambda pair: pair[0].seconds)
    unparsable = sum(not report.parses for report in reports)
    print(f"files             {len(reports):>12,}   {unparsable:,} of them do not parse")
    print(f"lines             {sum(report.lines for report in reports):>12,}")
    print(f"functions         {sum(report.functions for report in reports):>12,}")
    print(f"deepest nesting   {deep.depth:>12,}   {where_deep}")
    print(f"longest function  {long.longest:>12,}   {long.name} in {where_long}")
    print(f"slowest file      {slow.seconds * 1e3:>9,.0f} ms   {where_slow}")


def print_throughput(reports: Sequence[Report], size: int, seconds: float) -> None:
    lines = sum(report.lines for report in reports)
    rates = f"{len(reports) / seconds:,.0f} files/s, {lines / seconds:,.0f} lines/s"
    print(f"\n{len(reports):,} jobs in {seconds:.2f} s: {rates}, {size / seconds / 1e6:.1f} MB/s")


def prove(
    names: Sequence[str], reports: Sequence[Report], sources: Sequence[bytes], seconds: float
) -> int:
    """Do the same here, one after the other: all but the times must be equal."""
    started = time.perf_counter()
    serial = [Report._make(examine(source)) for source in sources]
    ratio = (time.perf_counter() - started) * len(reports) / len(serial) / seconds
    pairs = zip(names, reports, cycle(serial), strict=False)
    different = [name for name, report, mine in pairs if report[:-1] != mine[:-1]]
    if different:
        print(f"\nDIFFERENT from a serial run: {len(different):,}, as {different[0]}")
        return 1
    print(f"equal to a serial run of {len(serial):,} files; {ratio:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
