"""W4: arrays of 64 MiB as arguments and results, new ones, the same again, and shared by 20 jobs.

Each job reads one byte of every page of its argument, and whoever gets a result does so, too: what
is only promised is not there yet. The arrays of one measurement differ, or they would be known.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender
from benchmarks.workloads.base import Figures, percentile, scaled, warm

if TYPE_CHECKING:
    import numpy as np

_SIZE = 64 << 20
_PAGE = 4096
_ROUNDS = 20
_WARM_UP = 12
_JOBS = 20


def payloads(contender: Contender, scale: float) -> Figures:
    """W4: medians of so many rounds, in megabytes (10⁶ bytes) delivered per second."""
    size, rounds = scaled(_SIZE, scale), scaled(_ROUNDS, scale)
    touch, echo, fresh = (getattr(contender.functions, each) for each in ("touch", "echo", "fresh"))
    array = _array(size, 0)
    with warm(contender):
        first = [_seconds(contender, touch, _array(size, n + 1)) for n in _numbers(rounds)]
        both = [_seconds(contender, echo, array) for n in _numbers(rounds)]
        made = [_seconds(contender, fresh, size, n) for n in _numbers(rounds)]
        shared = [_shared(contender, _array(size, -n - 1)) for n in range(scaled(5, scale))]
    return {
        "first_mb_per_s": size / 1e6 / _median(first[_WARM_UP:]),
        "both_mb_per_s": 2 * size / 1e6 / _median(both[_WARM_UP:]),
        "result_mb_per_s": size / 1e6 / _median(made[_WARM_UP:]),
        "shared_ms": _median(shared) * 1e3,
    }


def _numbers(rounds: int) -> range:
    return range(_WARM_UP + rounds)


def _array(size: int, number: int) -> "np.ndarray[Any, Any]":
    import numpy as np  # not with the other workloads: what it makes is collected in their time

    array = np.arange(1, size // 8 + 1)
    array[-1] = number
    return array


def _seconds(contender: Contender, function: Any, *arguments: Any) -> float:
    started = perf_counter()
    handle = contender.submit(function, *arguments)
    value = contender.value(handle)
    if not isinstance(value, int):
        value = touched(value)
    seconds = perf_counter() - started
    if not value:
        raise AssertionError("nothing was read")
    contender.forget(handle)
    return seconds


def _shared(contender: Contender, array: "np.ndarray[Any, Any]") -> float:
    started = perf_counter()
    handles = contender.share(contender.functions.touch, array, _JOBS)
    values = contender.gather(handles)
    seconds = perf_counter() - started
    contender.forget(handles)
    if len(values) != _JOBS or not all(values):
        raise AssertionError("nothing was read")
    return seconds


def touched(array: "np.ndarray[Any, Any]") -> int:
    """Read one byte of every page."""
    return int(array.view("u1")[::_PAGE].sum())


def _median(values: list[float]) -> float:
    return percentile(values, 50)
