"""The threads of a job that sleep: one listens for all, the leader, and the others follow.

A follower sleeps on a lock of its own until what it waits for is there, or it is to lead.
"""

import _thread
import threading
from collections.abc import Callable
from typing import Protocol


class Awaited(Protocol):
    """What a thread sleeps for."""

    def is_set(self) -> bool:
        """Whether it has happened."""


class Sleepers:
    """Who sleeps, and who of them leads."""

    def __init__(self) -> None:
        self.leader = 0
        """The thread that listens; 0 for none."""
        # A signal handler may sleep, too, whatever of this it has interrupted.
        self._mutex = threading.RLock()
        self._followers: dict[_thread.LockType, Awaited] = {}
        self._count = 0

    def enter(self) -> None:
        """A thread is going to sleep, with pauses, until what it waits for is there."""
        with self._mutex:
            self._count += 1

    def leave(self) -> bool:
        """It sleeps no more; True if it was the last."""
        with self._mutex:
            self._count -= 1
            return not self._count

    def line_up(self, waiter: Awaited) -> "tuple[int, _thread.LockType | None]":
        """Become the leader, or a follower with a lock to sleep on; also who led before."""
        me = _thread.get_ident()
        with self._mutex:
            before = self.leader
            if before in (0, me):  # a signal handler may sleep amid a sleep
                self.leader = me
                return before, None
            place = _thread.allocate_lock()
            place.acquire()
            self._followers[place] = waiter
            return before, place

    def step_back(self, before: int, place: "_thread.LockType | None") -> None:
        """Undo what `line_up` did; where nobody leads now, a follower is woken to do it."""
        with self._mutex:
            if place is None:
                self.leader = before
            else:
                self._followers.pop(place, None)
            if not self.leader and self._followers:
                following = next(iter(self._followers))
                del self._followers[following]
                following.release()

    def unless_led(self, function: Callable[[], object]) -> None:
        """Call a function while nobody listens; nothing happens if somebody does."""
        with self._mutex:
            if not self.leader:
                function()

    def wake(self) -> None:
        """Something was heard: wake those that waited for it."""
        with self._mutex:
            for place in [each for each, it in self._followers.items() if it.is_set()]:
                del self._followers[place]
                place.release()
