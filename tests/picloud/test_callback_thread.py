"""What a session's end means for functions that are called at the end of jobs.

Coroutines are driven by hand here: so the test knows what has been handed to the engine when.
"""

import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from picloud.aio.loop_thread import LoopThread
from picloud.callback_thread import CallbackThread
from tests.support.fake_master import FakeMaster


class Due:
    """A callback that runs until `let_on`; remembers the thread of its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> None:
        self.calls += 1
        self.thread = threading.current_thread()
        self.has_begun.set()
        self.may_end.wait(10)

    def let_on(self) -> None:
        """Let it end, now and whenever it is called again."""
        self.may_end.set()

    def wait_for_thread(self) -> None:
        """Wait until nothing more will be called."""
        assert self.thread is not None
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def engine() -> Iterator[LoopThread]:
    """A loop that hands over what is due."""
    thread = LoopThread("engine of a test")
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def callbacks() -> CallbackThread:
    """The thread of a session of which somebody wants to be called back."""
    thread = CallbackThread()
    thread.is_needed = True
    return thread


def ended(coroutine: Coroutine[Any, Any, Any], waiter: Any) -> None:
    """Drive a coroutine that waits to its end."""
    while True:
        waiter.block()
        try:
            waiter = coroutine.send(None)
        except StopIteration:
            return


def test_what_arrives_after_finishing_has_begun_is_not_called(
    engine: LoopThread, callbacks: CallbackThread
) -> None:
    due, late = Due(), Due()
    engine.post(callbacks.put, due)
    engine.post(callbacks.put, due)
    finish = callbacks.finish(engine)
    waiter = finish.send(None)
    engine.post(callbacks.put, late)
    engine.post(due.let_on)
    ended(finish, waiter)
    callbacks.stop()
    due.wait_for_thread()
    assert (due.calls, late.calls) == (2, 0)


def test_where_nobody_waits_any_more_what_has_not_begun_is_reported_and_not_called(
    engine: LoopThread,
    callbacks: CallbackThread,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, left = Due(), Due()
    for work in (begun, left, left):
        callbacks.put(work)
    assert begun.has_begun.wait(10)
    finish = callbacks.finish(engine)
    finish.send(None)
    with pytest.raises(KeyboardInterrupt):
        finish.throw(KeyboardInterrupt)
    assert "one has begun, 2 more were due" in caplog.text
    begun.let_on()
    callbacks.stop()
    begun.wait_for_thread()
    assert left.calls == 0


def test_a_job_that_ends_while_its_session_closes_is_too_late(master: FakeMaster) -> None:
    session, due = master.session(), Due()
    late: list[Any] = []
    session.join(session.call(abs, -1, _callback=due))
    held = session.call(abs, -2, _label="held", _callback=late.append)
    closing = session.aclose()
    waiter = closing.send(None)
    master.release()
    assert session.result(held) == 2
    due.let_on()
    ended(closing, waiter)
    due.wait_for_thread()
    assert (due.calls, late) == (1, [])
