"""W5: jobs that need the results of other jobs."""

from collections.abc import Callable
from time import perf_counter

from benchmarks.contenders import Contender
from benchmarks.workloads.base import Figures, scaled, warm

_LENGTH = 500
_LEAVES = 1_024


def graphs(contender: Contender, scale: float) -> Figures:
    """A chain and a tree, from the first submission to the last result."""
    length = scaled(_LENGTH, scale)
    leaves = 1 << (scaled(_LEAVES, scale).bit_length() - 1)
    with warm(contender):
        chain = _seconds(lambda: contender.chain(length), length)
        tree = _seconds(lambda: contender.tree(leaves), leaves)
    return {"chain_per_s": length / chain, "tree_per_s": (2 * leaves - 1) / tree}


def _seconds(run: Callable[[], int], expected: int) -> float:
    started = perf_counter()
    total = run()
    seconds = perf_counter() - started
    if total != expected:
        raise AssertionError(f"a wrong result: {total}, not {expected}")
    return seconds
