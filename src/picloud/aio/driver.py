"""Feeds a pure core: events of one loop turn are handled together, in one turn of the core."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Driver(Generic[Event]):
    """Collects events and gives them to `turn` once per loop turn, in the order of their arrival.

    An exception of `turn` is a bug of the core, which cannot be trusted any more: `fail` is
    called with it, once, and no further events are handled.
    """

    def __init__(
        self,
        turn: Callable[[list[Event]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._turn = turn
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._events: list[Event] = []
        self._broken = False

    def post(self, event: Event) -> None:
        """Hand over an event; on the loop's own thread only."""
        if not self._events:
            self._loop.call_soon(self._handle)
        self._events.append(event)

    def _handle(self) -> None:
        events, self._events = self._events, []
        if self._broken:
            return
        try:
            self._turn(events)
        except BaseException as error:  # noqa: BLE001 - a turn that ended half way, whatever by
            self._broken = True
            self._fail(error)
