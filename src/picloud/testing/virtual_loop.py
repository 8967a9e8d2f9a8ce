"""An asyncio loop in virtual time: `asyncio.sleep(3600)` takes an hour there, and none here."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

from picloud.testing.timeline import Timeline

Doze = Callable[[float | None], None]
"""Lets virtual time pass: for so many seconds, or until the loop has something to do."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is a timeline."""

    def __init__(self, timeline: Timeline, doze: Doze) -> None:
        self._timeline = timeline
        super().__init__(VirtualSelector(doze))

    def time(self) -> float:
        """The time on the timeline."""
        return self._timeline.now


class VirtualSelector(selectors.DefaultSelector):
    """Where another selector waits, this one lets virtual time pass."""

    def __init__(self, doze: Doze) -> None:
        super().__init__()
        self._doze = doze

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        """Return what is ready now, or else after the time."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        self._doze(timeout)
        return super().select(0)
