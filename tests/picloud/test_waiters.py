"""Waiters, in threads and in loops, and the driver that blocks on them."""

import asyncio
import threading
from typing import Any

import pytest

from picloud.blocking import BlockingIterator, drive, drive_anywhere
from picloud.waiters import LoopTurn, Waiter, Wake


async def wait_for(waiter: Waiter) -> Wake:
    return await waiter


def test_a_waiter_that_is_set_does_not_wait() -> None:
    waiter = Waiter()
    waiter.set()
    assert drive(wait_for(waiter), "verb") is Wake.SET


def test_only_the_first_outcome_counts() -> None:
    waiter = Waiter()
    waiter.set(Wake.EXPIRED)
    waiter.set(Wake.SET)
    assert drive(wait_for(waiter), "verb") is Wake.EXPIRED


def test_a_thread_sleeps_until_another_wakes_it() -> None:
    waiters = [Waiter() for _ in range(200)]

    def wake() -> None:
        for each in waiters:
            each.set()

    waker = threading.Thread(target=wake)
    waker.start()
    assert [drive(wait_for(each), "verb") for each in waiters] == [Wake.SET] * 200
    waker.join()


async def test_a_loop_is_woken_from_a_thread_once_per_burst() -> None:
    waiters = [Waiter() for _ in range(1000)]
    waits = [asyncio.ensure_future(wait_for(each)) for each in waiters]
    await asyncio.wait(waits, timeout=0)
    loop = asyncio.get_running_loop()
    wakes: list[Any] = []
    plain = loop.call_soon_threadsafe

    def counted(*args: Any, **kwargs: Any) -> asyncio.Handle:
        wakes.append(args)
        return plain(*args, **kwargs)

    loop.call_soon_threadsafe = counted  # type: ignore[method-assign, assignment]
    try:
        for each in waiters:
            each.set()
    finally:
        loop.call_soon_threadsafe = plain  # type: ignore[method-assign]
    assert await asyncio.gather(*waits) == [Wake.SET] * 1000
    assert len(wakes) == 1


async def test_a_cancelled_wait_can_be_set_later() -> None:
    waiter = Waiter()
    wait = asyncio.ensure_future(wait_for(waiter))
    await asyncio.wait([wait], timeout=0)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    waiter.set()
    assert await waiter is Wake.SET


def test_a_waiter_of_a_closed_loop_is_set_in_vain() -> None:
    waiter = Waiter()

    async def begin() -> None:
        waits.append(asyncio.ensure_future(wait_for(waiter)))
        await asyncio.wait(waits, timeout=0)

    waits: list[asyncio.Future[Wake]] = []
    asyncio.run(begin())
    waiter.set()
    assert waits[0].cancelled()


def test_an_error_while_blocked_passes_through_the_coroutine() -> None:
    cleaned: list[str] = []

    class Interrupted(Waiter):
        def block(self) -> None:
            raise KeyboardInterrupt

    async def verb() -> None:
        try:
            await Interrupted()
        finally:
            cleaned.append("yes")

    with pytest.raises(KeyboardInterrupt):
        drive(verb(), "verb")
    assert cleaned == ["yes"]


async def test_driving_in_a_running_loop_is_refused_or_done_elsewhere() -> None:
    waiter = Waiter()
    with pytest.raises(RuntimeError, match=r"verb\(\) would block .* `await averb"):
        drive(wait_for(waiter), "verb")
    waiter.set()
    assert drive_anywhere(wait_for(waiter)) is Wake.SET


async def test_a_turn_lets_others_go_first() -> None:
    order: list[int] = []
    asyncio.get_running_loop().call_soon(order.append, 1)
    await LoopTurn()
    assert order == [1]


def test_a_turn_is_nothing_without_a_loop() -> None:
    async def verb() -> str:
        await LoopTurn()
        return "done"

    assert drive(verb(), "verb") == "done"


def test_a_blocking_iterator_goes_on_after_an_error() -> None:
    class Source:
        def __init__(self) -> None:
            self.n = 0

        def __aiter__(self) -> "Source":
            return self

        async def __anext__(self) -> int:
            self.n += 1
            if self.n == 2:
                raise ValueError("two")
            if self.n == 4:
                raise StopAsyncIteration
            return self.n

    items = BlockingIterator(Source(), "iresult")
    assert next(items) == 1
    with pytest.raises(ValueError, match="two"):
        next(items)
    assert list(items) == [3]


# ---------------------------------------------------------------------- inside a job


class ListeningWay:
    """Those who wait hear for themselves: here they hear at once that it has happened."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def sleep(self, waiter: Waiter) -> None:
        self.log.append("sleep")
        waiter.set()

    def attach(self, waiter: Waiter, loop: asyncio.AbstractEventLoop) -> None:
        self.log.append("attach")
        loop.call_soon(waiter.set)

    def detach(self, waiter: Waiter) -> None:
        self.log.append("detach")


def on_a_way() -> tuple[Waiter, ListeningWay]:
    waiter, way = Waiter(), ListeningWay()
    waiter.way = way
    return waiter, way


def test_a_thread_sleeps_on_the_waiter_s_way() -> None:
    waiter, way = on_a_way()
    assert drive(wait_for(waiter), "verb") is Wake.SET
    assert way.log == ["sleep"]


async def test_a_loop_hears_for_as_long_as_a_coroutine_waits() -> None:
    waiter, way = on_a_way()
    assert await waiter is Wake.SET
    assert way.log == ["attach", "detach"]


async def test_also_if_the_coroutine_is_cancelled() -> None:
    waiter, way = on_a_way()
    task = asyncio.ensure_future(wait_for(waiter))
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert way.log == ["attach", "detach"]


def test_what_has_happened_is_not_waited_for_on_any_way() -> None:
    waiter, way = on_a_way()
    waiter.set()
    assert waiter.is_set()
    assert drive(wait_for(waiter), "verb") is Wake.SET
    assert way.log == []
