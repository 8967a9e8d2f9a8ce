"""The line of a job in virtual time, true to `picloud_worker.interpreter.line`."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from picloud import errors, inside
from picloud.grants import Secrets
from picloud.nested import NestedClient
from picloud.protocol.wire import WIRE
from picloud.testing.job_threads import JobThread
from picloud.testing.timeline import Timeline
from picloud.testing.virtual_loop import VirtualLoop
from picloud.testing.without_threads import WithoutThreads
from picloud.waiters import Waiter
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.pipe.line import Asleep, GoOn, Heard, Said, TooDeep, WokeUp

T = TypeVar("T")


class TimedLine(inside.Line, Protocol):
    """A line in virtual time."""

    asked: set[Waiter]
    """All that coroutines wait for, answers too."""

    def now(self) -> float:
        """The time on the timeline."""
        ...


class VirtualClient(NestedClient):
    """A client that lives in virtual time."""

    def __init__(self, line: "TimedLine", secrets: Secrets) -> None:
        super().__init__(line, secrets)
        self._clock = line.now
        self._asked = line.asked

    def now(self) -> float:
        """What its deadlines are read from."""
        return self._clock()

    def attach(self, waiter: Waiter, loop: asyncio.AbstractEventLoop) -> None:
        """See `Way`; the line is told of all that is waited for."""
        self._asked.add(waiter)
        super().attach(waiter, loop)

    def detach(self, waiter: Waiter) -> None:
        """See `Way`."""
        self._asked.discard(waiter)
        super().detach(waiter)


class VirtualJobSession(WithoutThreads):
    """The cloud as a job of a virtual cloud uses it."""

    client_type = VirtualClient

    def __init__(self, line: "VirtualLine") -> None:
        super().__init__(line)
        self.clock = line.now


class Speaker(Protocol):
    """What a line needs of its interpreter."""

    def speak(self, message: object) -> None:
        """The running job says something to the agent."""

    def give_way(self) -> None:
        """The running job is about to sleep."""

    def cores_returned(self) -> None:
        """It has its cores again."""


def _call(function: Callable[..., T], *args: Any) -> T:
    """Call a function: jobs in threads have no signal handlers."""
    return function(*args)


class VirtualLine:
    """The line of one attempt, whose job runs in a thread of its own.

    Args:
        thread: makes that thread when the job begins.

    Attributes:
        is_over: the job has ended; whatever it has left behind cannot use the cloud.
    """

    blobs = None  # nothing crosses a wire: values stay in one piece

    def __init__(
        self,
        timeline: Timeline,
        attempt: Attempt,
        speaker: Speaker,
        thread: Callable[[], JobThread],
    ) -> None:
        self._timeline = timeline
        self._sequence = attempt.sequence
        self._speaker = speaker
        self._new_thread = thread
        self._thread: JobThread | None = None
        self._arrived: deque[Any] = deque()
        self._heard = 0
        self._is_listening = False
        self._is_lending = self._is_waking = False
        self._refusal: str | None = None
        self.is_over = False
        self._session: Any = None
        self.own_session: Any = None
        self.at_end: Callable[[], object] | None = None
        self.inputs = attempt.inputs
        self.on_heard: Callable[[list[Any]], None] | None = None
        self.on_refused: Callable[[str], None] | None = None
        self.awaited: set[inside.Sleeper] = set()
        self.asked: set[Waiter] = set()

    @property
    def is_asleep(self) -> bool:
        """The job may have lent its cores."""
        return self._is_lending

    @property
    def session(self) -> Any:
        """The session of the job: by default that of the cloud that runs it."""
        if self._session is None and not self.is_over:
            self.own_session = self.own_session or VirtualJobSession(self)
            self._session = self.own_session
        return self._session

    @session.setter
    def session(self, session: Any) -> None:
        self._session = session

    def now(self) -> float:
        """The time on the timeline."""
        return self._timeline.now

    def current(self) -> int:
        """The number of the attempt; another one when it has ended."""
        return -1 if self.is_over else self._sequence

    # ------------------------------------------------------------------ life

    def begin(self, work: Callable[[], None]) -> None:
        """Run the job in a thread, as far as it comes."""
        self._thread = self._new_thread()
        self._thread.begin(self, work)

    def abandon(self) -> None:
        """Its process is gone."""
        if not self.is_over:
            self.is_over = True
            if self._thread is not None:
                self._thread.abandon()

    def hear(self, message: Any) -> None:
        """Something has come; it is heard if the job waits."""
        if message.sequence == self._sequence:
            self._arrived.append(message)
            self._look()

    # ------------------------------------------------------------------ what jobs do

    def spend(self, seconds: float) -> None:
        """Compute for a while."""
        self._timeline.after(seconds, self._go_on)
        self._pause()

    def say(self, messages: Sequence[object], *, with_next: bool = False) -> None:
        """Send client messages to the master, always at once."""
        for frame in WIRE.encode_frames(messages):
            self._speaker.speak(Said(self._sequence, frame))

    undisturbed = staticmethod(_call)

    def sleep(
        self, waiter: inside.Sleeper, seconds: float | None = None, *, lends: bool = True
    ) -> None:
        """Hear until the waiter is set, or until this time is over.

        Raises:
            NestingTooDeep: there is no room for another sleeper.
        """
        deadline = None if seconds is None else self._timeline.now + seconds
        if deadline is not None:
            self._timeline.at(deadline, self._look)
        while not waiter.is_set():
            if self._arrived:
                self._take(self._arrived.popleft())
            elif self._refusal is not None and lends:
                text, self._refusal = self._refusal, None
                raise errors.NestingTooDeep(text)
            elif deadline is not None and self._timeline.now >= deadline:
                break
            else:
                if lends and not self._is_lending and not self._is_waking:
                    self._lend()
                self._pause(listens=True)
        if self._is_lending and not self._is_waking:
            self._is_waking = True
            self._speaker.speak(WokeUp(self._sequence))
            self.sleep(_Leave(self), lends=False)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing: a loop of virtual time hears by itself.

        Raises:
            CloudException: it is another loop.
        """
        if not isinstance(loop, VirtualLoop):
            raise errors.CloudException(
                "an event loop of the job's own knows nothing of virtual time",
                hint="let the job's function be `async def`",
            )

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in virtual time."""
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self._timeline, self._doze)) as runner:
            return runner.run(coroutine)

    def _doze(self, seconds: float | None) -> None:
        """The job's loop has nothing to do for so long, or until something is heard."""
        waits = not all(each.is_set() for each in self.awaited)
        if seconds is None and all(each.is_set() for each in self.asked):
            raise RuntimeError("this job waits for something that is not of its cloud")
        try:
            self.sleep(_Word(self), seconds, lends=waits)
        except errors.NestingTooDeep as error:
            if self.on_refused is not None:
                self.on_refused(error.message)

    # ------------------------------------------------------------------ how it goes on

    def _lend(self) -> None:
        self._speaker.give_way()
        self._refusal = None
        self._is_lending = True
        self._speaker.speak(Asleep(self._sequence, self._heard))

    def _look(self) -> None:
        if self._is_listening:
            self._go_on()

    def _go_on(self) -> None:
        if not self.is_over:
            assert self._thread is not None  # the job has begun
            self._thread.resume()

    def _pause(self, *, listens: bool = False) -> None:
        assert self._thread is not None  # the job has begun
        self._is_listening = listens
        try:
            self._thread.pause()
        finally:
            self._is_listening = False

    def _take(self, message: Any) -> None:
        lent = self._is_lending
        match message:
            case Heard(_, frame):
                self._heard += 1
                self._is_lending = False
                if self.on_heard is not None:
                    self.on_heard(WIRE.decode(frame))
            case GoOn():
                self._is_lending = self._is_waking = False
            case TooDeep(_, text):
                self._is_lending = False
                self._refusal = text
        if lent and not self._is_lending:
            self._speaker.cores_returned()


class _Leave:
    """The agent's word that the job may go on."""

    def __init__(self, line: VirtualLine) -> None:
        self._line = line

    def is_set(self) -> bool:
        return not self._line._is_waking


class _Word:
    """Whatever is heard next."""

    def __init__(self, line: VirtualLine) -> None:
        self._line = line
        self._before = line._heard

    def is_set(self) -> bool:
        return self._line._heard != self._before
