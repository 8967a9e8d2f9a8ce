"""The cloud behind a `VirtualCloud`, and the user's end of the line to its master."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any, TypeVar

from picloud import inside
from picloud.environment_names import MY_PYTHON
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.protocol.wire import WIRE
from picloud.testing.job_threads import JobThreads
from picloud.testing.simulated_cloud import SimulatedCloud
from picloud.testing.timeline import Timeline
from picloud.testing.virtual_jobs import Duration, VirtualWorker
from picloud.waiters import Waiter, Wake
from picloud_master.core.events import ClientSaid, SessionOpened

T = TypeVar("T")

_SESSION = SessionId(1)
_OWNER = "virtual"
_KEY = b"not a secret: each run of a virtual cloud is the same"


class NothingWillHappen(Exception):  # noqa: N818 - told to users in their own words
    """A wait that has no end."""


class VirtualEngine(SimulatedCloud[VirtualWorker]):
    """Master and workers.

    Args:
        duration: how long jobs take.
    """

    python = MY_PYTHON  # users' functions run in this process

    def __init__(self, duration: Duration) -> None:
        super().__init__(_KEY)
        self._duration = duration
        self._threads = JobThreads()
        self.line = UsersLine(self.timeline, self._said)
        self.post(SessionOpened(_SESSION, _OWNER))

    def make_worker(
        self, worker: WorkerId, pools: list[SlotPool], delay: float, max_sleepers: int
    ) -> VirtualWorker:
        """Start a worker process."""
        return VirtualWorker(
            self.timeline,
            worker,
            pools,
            delay,
            max_sleepers,
            partial(self.worker_said, worker),
            self._threads,
            self._duration,
        )

    def tell_client(self, session: SessionId, message: Any) -> None:
        """The master says something to the user's program."""
        self.line.hear(message)

    def stop(self) -> None:
        """End everything."""
        self.line.is_closed = True
        for worker in self.workers.values():
            worker.die()
        self._threads.stop()

    def _said(self, messages: list[object]) -> None:
        self.post(ClientSaid(_SESSION, messages))


class UsersLine:
    """The line of the user's program: whoever waits here lets virtual time pass.

    Args:
        tell_master: takes what is said.
    """

    inputs = b""
    blobs = None  # nothing crosses a wire: values stay in one piece
    session: Any = None
    own_session: Any = None
    at_end: Callable[[], object] | None = None

    def __init__(self, timeline: Timeline, tell_master: Callable[[list[object]], None]) -> None:
        self._timeline = timeline
        self._tell_master = tell_master
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False
        self.on_heard: Callable[[list[Any]], None] | None = None
        self.on_refused: Callable[[str], None] | None = None
        self.awaited: set[inside.Sleeper] = set()
        self.asked: set[Waiter] = set()

    def now(self) -> float:
        """The time on the timeline."""
        return self._timeline.now

    def current(self) -> int:
        """There is one attempt: the program."""
        return -1 if self.is_closed else 1

    def say(self, messages: Sequence[object], *, with_next: bool = False) -> None:
        """Send client messages to the master, always at once."""
        for frame in WIRE.encode_frames(messages):
            self._tell_master(WIRE.decode(frame))

    def undisturbed(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function."""
        return function(*args)

    def hear(self, message: Any) -> None:
        """The master says something."""
        if self.on_heard is not None and not self.is_closed:
            self.on_heard([message])

    def sleep(
        self, waiter: inside.Sleeper, seconds: float | None = None, *, lends: bool = True
    ) -> None:
        """Let virtual time pass until the waiter is set, or until this time is over.

        Raises:
            NothingWillHappen: it would never be.
        """
        timeline = self._timeline
        end = inf if seconds is None else timeline.now + seconds
        while not waiter.is_set():
            if not timeline.step(end):
                if seconds is None:
                    raise NothingWillHappen
                timeline.run_until(end)
                return

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let virtual time pass whenever coroutines of this loop do nothing but wait."""
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._run, loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = None
        waiting = list(self.asked)
        while waiting and not any(each.is_set() for each in waiting):
            if not self._timeline.step():
                for each in waiting:
                    each.set(Wake.EXPIRED)
        if waiting:
            self.attach(loop)
