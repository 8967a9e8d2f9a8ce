"""The thread in which a session calls functions of the user at the end of jobs.

When the session closes, calls that are due are not lost, and one that never ends does not keep the
program from its end.
"""

import contextlib
import logging
from collections.abc import Callable
from functools import partial

from picloud.aio.loop_thread import LoopThread
from picloud.job_futures import FutureThread
from picloud.waiters import Waiter, Wake

CALLBACK_TIME = 10.0
"""Seconds that a session waits for its callbacks when it is closed."""

_logger = logging.getLogger("picloud")


class CallbackThread(FutureThread):
    """Calls back, and is waited for before its session ends.

    Attributes:
        is_needed: somebody wants to be called back.
    """

    def __init__(self) -> None:
        super().__init__("picloud callbacks")
        self.is_needed = False
        self._is_finishing = False
        self._waiters: list[Waiter] = []

    def put(self, work: Callable[[], object]) -> None:
        """Have this called in the thread; not once it finishes, for the session would be gone."""
        if not self._is_finishing:
            super().put(work)

    async def finish(self, engine: LoopThread) -> None:
        """Wait for what is due now, for some seconds; not where this thread itself would wait.

        What is due later is not called, nor what has not begun when nobody waits any more.
        """
        if not self.is_needed or self.is_current():
            self._is_finishing = True
            return
        waiter = Waiter()
        last = partial(_wake, engine, waiter)
        # By way of the loop: what it is handing on in this moment is due as well.
        engine.post(self._begin_to_finish, engine, waiter, last)
        wake: Wake | None = None
        try:
            wake = await waiter
        finally:
            if wake is not Wake.SET:  # it took too long, or the wait was interrupted
                self._is_finishing = True
                report_left_alone(len([work for work in self.drop() if work is not last]))

    def let_go(self) -> None:
        """Called on the loop, which is going to end: nobody shall wait any more."""
        for waiter in self._waiters:
            waiter.set()

    def _begin_to_finish(
        self, engine: LoopThread, waiter: Waiter, last: Callable[[], object]
    ) -> None:
        self._is_finishing = True
        self._waiters.append(waiter)
        loop = engine.loop
        waiter.timer = loop.call_later(CALLBACK_TIME, waiter.set, Wake.EXPIRED)
        super().put(last)


def report_left_alone(left: int) -> None:
    """Say that a callback takes too long, and how many have not begun for that."""
    text = "callbacks that have not ended are left alone: one has begun, %d more were due"
    _logger.error(text, left)


def _wake(engine: LoopThread, waiter: Waiter) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and has woken all before
        engine.post(waiter.set)
