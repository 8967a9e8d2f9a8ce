"""W2, W2async and W8: what one call takes, alone and among a thousand."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Any

from benchmarks.contenders import Call, Contender
from benchmarks.workloads.base import Figures, check, percentile, scaled, warm

_CALLS = 1_000
_CALLERS = 1_000
_CALLS_EACH = 5
_WARM_UP = 200


def round_trips(contender: Contender, scale: float) -> Figures:
    """W2: one job and its result, one after the other."""
    count = scaled(_CALLS, scale)
    noop = contender.functions.noop
    seconds, values = [], []
    with warm(contender):
        for number in range(count):
            started = perf_counter()
            values.append(contender.value(contender.submit(noop, number)))
            seconds.append(perf_counter() - started)
    check(values, count)
    return _microseconds(seconds)


def awaited_round_trips(contender: Contender, scale: float) -> Figures:
    """W2async: the same by `await`."""
    count = scaled(_CALLS, scale)
    return asyncio.run(_awaited_round_trips(contender.calling(), count))


async def _awaited_round_trips(calling: AbstractAsyncContextManager[Call], count: int) -> Figures:
    async with calling as call:
        await _together([call(number) for number in range(_WARM_UP)])
        return _microseconds(await _in_sequence(call, count))


def callers(contender: Contender, scale: float) -> Figures:
    """W8: many coroutines that await at the same time, each a few calls in sequence."""
    return asyncio.run(_callers(contender.calling(), scaled(_CALLERS, scale)))


async def _callers(calling: AbstractAsyncContextManager[Call], count: int) -> Figures:
    async with calling as call:
        await _together([call(number) for number in range(_WARM_UP)])
        started = perf_counter()
        each = await _together([_in_sequence(call, _CALLS_EACH) for _ in range(count)])
        wall = perf_counter() - started
    seconds = [second for those in each for second in those]
    return {
        "calls_per_s": count * _CALLS_EACH / wall,
        "p50_ms": percentile(seconds, 50) * 1e3,
        "p99_ms": percentile(seconds, 99) * 1e3,
    }


async def _in_sequence(call: Call, count: int) -> list[float]:
    """Seconds of each call."""
    seconds, values = [], []
    for number in range(count):
        started = perf_counter()
        values.append(await call(number))
        seconds.append(perf_counter() - started)
    check(values, count)
    return seconds


async def _together(coroutines: Sequence[Any]) -> list[Any]:
    """Their results, in order; Any, as a call may be a coroutine or a future."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_awaiting(each)) for each in coroutines]
    return [task.result() for task in tasks]


async def _awaiting(awaitable: Any) -> Any:
    return await awaitable


def _microseconds(seconds: Sequence[float]) -> Figures:
    return {"p50_us": percentile(seconds, 50) * 1e6, "p99_us": percentile(seconds, 99) * 1e6}
