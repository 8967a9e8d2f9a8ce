"""The thread in which a session calls functions of the user at the end of jobs.

When the session closes, calls that are due are not lost, and one that never ends does not keep the
program from its end.
"""

import contextlib
import logging
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
        self._waiters: list[Waiter] = []

    async def finish(self, engine: LoopThread) -> None:
        """Wait for what is due now, for some seconds; not where this thread itself would wait."""
        if not self.is_needed or self.is_current():
            return
        waiter = Waiter()
        # By way of the loop: what it is handing on in this moment is due as well.
        engine.post(self._begin_to_finish, engine, waiter)
        if await waiter is Wake.EXPIRED:
            _logger.error(
                "callbacks have not ended within %.0f seconds and are left alone: "
                "one has begun, %d more were due",
                CALLBACK_TIME,
                self.waiting - 1,  # without the one that was to end this
            )

    def let_go(self) -> None:
        """Called on the loop, which is going to end: nobody shall wait any more."""
        for waiter in self._waiters:
            waiter.set()

    def _begin_to_finish(self, engine: LoopThread, waiter: Waiter) -> None:
        self._waiters.append(waiter)
        loop = engine.loop
        waiter.timer = loop.call_later(CALLBACK_TIME, waiter.set, Wake.EXPIRED)
        self.put(partial(_wake, engine, waiter))


def _wake(engine: LoopThread, waiter: Waiter) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and has woken all before
        engine.post(waiter.set)
