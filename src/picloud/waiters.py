"""What a verb waits for: things that happen once, on the engine's loop.

The verbs are written once, as coroutines that wait only for `Waiter`s. In a running event loop a
waiter waits through a future of that loop. Without one it yields itself to whoever drives the
coroutine by hand (see `blocking`), and that thread sleeps on a lock. Either way no task, no
thread and no event object is made per job, and the futures of one loop are woken in bursts.

Inside a job there is no engine beside the threads that wait: what is heard, they hear themselves,
on the way (`Way`) that a waiter was given.

asyncio is not imported here: jobs that do without it are spared its start.
"""

import enum
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import asyncio


def running_loop() -> "asyncio.AbstractEventLoop | None":
    """The event loop that runs in this thread, if one does."""
    events = sys.modules.get("asyncio.events")
    if events is None:
        return None  # nobody has started one
    loop: asyncio.AbstractEventLoop | None = events._get_running_loop()
    return loop


class Way(Protocol):
    """How a thread or a loop waits where it must hear for itself."""

    def sleep(self, waiter: "Waiter") -> None:
        """Hear in this thread until the waiter is set."""

    def attach(self, waiter: "Waiter", loop: "asyncio.AbstractEventLoop") -> None:
        """Have the running loop hear while a coroutine waits."""

    def detach(self, waiter: "Waiter") -> None:
        """The coroutine waits no more."""


class Wake(enum.Enum):
    """Why a waiter was woken."""

    SET = "it happened"
    EXPIRED = "the time is over"
    LOST = "the master is gone"


class Waiter:
    """Something that happens once; one coroutine waits for it, `set` is called by the engine."""

    __slots__ = ("_wake", "deadline", "outcome", "timer", "way")

    is_answer: ClassVar[bool] = False
    """True for what is there soon, as it does not wait for the end of a job."""

    def __init__(self) -> None:
        self.outcome: Wake | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.way: Way | None = None
        self.deadline: float | None = None  # where a way has to keep it, by `time.monotonic`
        self._wake: Callable[[], object] | None = None

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self.outcome is not None

    def set(self, outcome: Wake = Wake.SET) -> None:
        """Wake whoever waits; only the first call counts."""
        if self.outcome is None:
            # The outcome first, then the look for a sleeper: a sleeper does it the other way
            # round, so one of the two sees the other.
            self.outcome = outcome
            if self.timer is not None:
                self.timer.cancel()
            if self._wake is not None:
                self._wake()

    def __await__(self) -> Generator[object, None, Wake]:
        if self.outcome is None:
            loop = running_loop()
            if loop is None:
                yield self
            elif self.way is None:
                yield from self._future(loop)
            else:
                self.way.attach(self, loop)
                try:
                    yield from self._future(loop)
                finally:
                    self.way.detach(self)
        assert self.outcome is not None  # whoever resumes this has waited for it
        return self.outcome

    def block(self) -> None:
        """Sleep in this thread until it happens; a signal's exception passes through."""
        if self.way is not None:
            self.way.sleep(self)
            return
        lock = threading.Lock()
        lock.acquire()
        self._wake = lock.release
        if self.outcome is None:
            lock.acquire()

    def _future(self, loop: "asyncio.AbstractEventLoop") -> Generator[Any, None, None]:
        future = loop.create_future()
        self._wake = partial(_alarm_of(loop).add, future)
        if self.outcome is None:
            yield from future


class LoopTurn:
    """Lets other tasks of a running loop go first; nothing without one."""

    def __await__(self) -> Generator[None, None, None]:
        if running_loop() is not None:
            yield


class _Alarm:
    """Resolves futures of one loop from another thread: one wake-up per burst."""

    def __init__(self, loop: "asyncio.AbstractEventLoop") -> None:
        self.loop = loop
        self._due: deque[asyncio.Future[None]] = deque()
        self._woken = False

    def add(self, future: "asyncio.Future[None]") -> None:
        self._due.append(future)
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._resolve)
            except RuntimeError:
                if not self.loop.is_closed():
                    raise
                # A closed loop has no task left that could wait for these.
                self._due.clear()

    def _resolve(self) -> None:
        # The flag falls first: what is added from here on wakes the loop again.
        self._woken = False
        due = self._due
        while due:
            future = due.popleft()
            if not future.done():
                future.set_result(None)


class _AlarmOfThread(threading.local):
    """A thread runs one loop at a time, so each thread remembers the last one's."""

    alarm: _Alarm | None = None


_of_thread = _AlarmOfThread()


def _alarm_of(loop: "asyncio.AbstractEventLoop") -> _Alarm:
    alarm = _of_thread.alarm
    if alarm is None or alarm.loop is not loop:
        _of_thread.alarm = alarm = _Alarm(loop)
    return alarm
