"""The kernel's one alarm: a timer of the event loop."""

import asyncio
from collections.abc import Callable

SHORTEST = 0.01
"""Seconds. A clock that stands still, since it was set back, must not make the alarm ring on and
on."""


class Alarm:
    """Rings once for the time that it was last set for.

    Args:
        now: the kernel's clock, in UTC seconds.
        ring: called when the time has come.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float],
        ring: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._now = now
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Ring then, and only then: an earlier setting is forgotten."""
        self.cancel()
        seconds = max(SHORTEST, at - self._now())
        self._timer = self._loop.call_later(seconds, self._ring)

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
