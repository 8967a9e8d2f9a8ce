import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.aio.loop_thread import LoopThread, new_event_loop

DEADLINE = 20.0


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    made = LoopThread("test loop")
    made.start()
    yield made
    if made._thread.is_alive():
        made.stop()


class Gate:
    """Holds the loop until the test lets it go on."""

    def __init__(self, thread: LoopThread) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()
        thread.post(self._wait)
        assert self._reached.wait(DEADLINE)

    def _wait(self) -> None:
        self._reached.set()
        assert self._open.wait(DEADLINE)

    def open(self) -> None:
        self._open.set()


def settle(thread: LoopThread) -> None:
    """Return when everything that was posted before is done."""
    done = threading.Event()
    thread.post(done.set)
    assert done.wait(DEADLINE)


def test_what_one_thread_posts_is_called_in_order(thread: LoopThread) -> None:
    called: list[int] = []
    for number in range(1000):
        thread.post(called.append, number)
    settle(thread)
    assert called == list(range(1000))


def test_nothing_is_lost_of_what_many_threads_post(thread: LoopThread) -> None:
    called: dict[int, list[int]] = {one: [] for one in range(8)}
    everybody = threading.Barrier(8)

    def post(one: int) -> None:
        everybody.wait(DEADLINE)
        for number in range(2000):
            thread.post(called[one].append, number)

    posters = [threading.Thread(target=post, args=(one,)) for one in called]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join(DEADLINE)
    settle(thread)
    assert all(numbers == list(range(2000)) for numbers in called.values())


def test_a_burst_wakes_the_loop_once(thread: LoopThread) -> None:
    gate = Gate(thread)
    thread.post(int)  # the loop is busy: this one asks for it to be woken, the others need not
    assert thread._woken
    turns: list[int] = []
    for number in range(100):
        thread.post(turns.append, number)
    gate.open()
    settle(thread)
    assert turns == list(range(100))
    assert not thread._woken


def test_an_interrupted_wake_up_is_made_good_by_the_next_post(thread: LoopThread) -> None:
    class Interrupted:
        def __init__(self, loop: Any) -> None:
            self.loop = loop

        def call_soon_threadsafe(self, *args: Any) -> None:
            thread.loop = self.loop
            raise KeyboardInterrupt

    done: list[int] = []
    thread.loop = Interrupted(thread.loop)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        thread.post(done.append, 1)
    thread.post(done.append, 2)
    settle(thread)
    assert done == [1, 2]


def test_a_function_that_fails_does_not_hold_up_the_others(thread: LoopThread) -> None:
    problems: list[BaseException] = []
    thread.loop.set_exception_handler(lambda _, context: problems.append(context["exception"]))
    gate = Gate(thread)
    called = threading.Event()
    thread.post(int, "no number")
    thread.post(called.set)
    gate.open()
    assert called.wait(DEADLINE)
    assert [type(each) for each in problems] == [ValueError]


def test_who_posts_without_end_does_not_keep_the_loop_from_its_timers(thread: LoopThread) -> None:
    fired = threading.Event()

    def again() -> None:
        if not fired.is_set():
            thread.post(again)

    thread.post(lambda: thread.loop.call_later(0.01, fired.set))
    thread.post(again)
    assert fired.wait(DEADLINE)


def test_what_is_posted_before_the_start_is_called_after_it() -> None:
    thread = LoopThread("test loop")
    called = threading.Event()
    thread.post(called.set)
    thread.start()
    assert called.wait(DEADLINE)
    thread.stop()


def test_a_coroutine_can_be_run_from_another_thread(thread: LoopThread) -> None:
    async def answer() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert thread.run(answer()) == "test loop"


def test_an_exception_of_a_coroutine_reaches_who_ran_it(thread: LoopThread) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        thread.run(fail())


def test_the_loop_knows_its_own_thread(thread: LoopThread) -> None:
    async def ask() -> bool:
        return thread.is_current()

    assert not thread.is_current()
    assert thread.run(ask())


def test_what_was_posted_is_done_before_the_stop(thread: LoopThread) -> None:
    called: list[int] = []
    for number in range(100):
        thread.post(called.append, number)
    thread.stop()
    assert called == list(range(100))


def test_stop_cancels_what_is_left_and_ends_the_thread(thread: LoopThread) -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    async def begin() -> "asyncio.Task[None]":
        return asyncio.ensure_future(wait())

    thread.run(begin())
    settle(thread)
    thread.stop()
    assert cancelled.is_set()
    assert thread.loop.is_closed()
    assert not thread._thread.is_alive()


def test_who_posts_after_the_stop_is_told() -> None:
    thread = LoopThread("test loop")
    thread.start()
    thread.stop()
    with pytest.raises(RuntimeError, match="closed"):
        thread.post(int)


def test_the_loop_is_uvloop_where_there_is_one() -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = new_event_loop()
    try:
        assert isinstance(loop, uvloop.Loop)
    finally:
        loop.close()


def test_what_was_posted_last_is_called_before_the_loop_ends() -> None:
    thread = LoopThread("test")
    thread.start()
    called: list[int] = []
    # Posted on the loop's own last turn, after which it takes nothing by itself any more.
    thread.post(lambda: (thread.loop.stop(), thread.post(called.append, 1)))
    thread._thread.join()
    assert called == [1]
    assert thread.loop.is_closed()
