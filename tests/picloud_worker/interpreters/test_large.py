"""What fits into a frame alone, but not together with its neighbour."""

import os
from typing import Any

LARGE = 40 << 20


async def test_a_large_function_takes_a_large_argument(bench: Any) -> None:
    carried = os.urandom(LARGE)
    assert await bench.call(lambda given: len(carried) + len(given), os.urandom(LARGE)) == 2 * LARGE


async def test_large_results_of_neighbours_both_arrive(bench: Any) -> None:
    first, second = bench.submit(bytes, (LARGE,), (LARGE + 1,))
    assert len(await bench.result(first)) == LARGE
    assert len(await bench.result(second)) == LARGE + 1
