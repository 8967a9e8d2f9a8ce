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


class Sleep:
    """One thread's: whatever interrupts it, `Sleepers.leave` undoes what it has come to.

    Attributes:
        before: who led before; 0 for nobody.
        leads: whether it is the leader.
        place: what it sleeps on as a follower.
    """

    before = 0
    leads = False
    place: _thread.LockType | None = None


class Sleepers:
    """Who sleeps, and who of them leads."""

    def __init__(self) -> None:
        self.leader = 0
        """The thread that listens; 0 for none."""
        # A signal handler may sleep, too, whatever of this it has interrupted.
        self._mutex = threading.RLock()
        self._followers: dict[_thread.LockType, Awaited] = {}
        self._sleeps: set[Sleep] = set()

    def enter(self, sleep: Sleep) -> None:
        """A thread is going to sleep, with pauses, until what it waits for is there."""
        self._sleeps.add(sleep)

    def leave(self, sleep: Sleep) -> bool:
        """It sleeps no more; True if it was the last."""
        with self._mutex:
            self._step_back(sleep)
            self._sleeps.discard(sleep)
            return not self._sleeps

    def line_up(self, sleep: Sleep, waiter: Awaited) -> None:
        """Become the leader, or a follower with a lock to sleep on."""
        me = _thread.get_ident()
        with self._mutex:
            self._step_back(sleep)
            sleep.before = self.leader
            if sleep.before in (0, me):  # a signal handler may sleep amid a sleep
                sleep.leads = True
                self.leader = me
                return
            sleep.place = place = _thread.allocate_lock()
            place.acquire()
            self._followers[place] = waiter

    def _step_back(self, sleep: Sleep) -> None:
        """Undo what `line_up` did; where nobody leads now, a follower is woken to do it."""
        if sleep.leads:
            self.leader = sleep.before
            sleep.leads = False
        elif sleep.place is not None:
            self._followers.pop(sleep.place, None)
            sleep.place = None
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
