"""An interpreter's end of the line, over which a running job speaks with the master.

There is no thread for it: whoever waits for something hears it himself; see `Sleepers` for
several threads that do. A job lends its cores as soon as one of its threads waits for jobs. If
another goes on meanwhile, it works without them; should it not be so, a job whose last thread but
one waits for the last could keep from running what it waits for.

What only jobs need that use the line is imported when they do: most do not, and all start.
"""

import _thread
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from picloud.protocol import limits
from picloud_worker.interpreter.control import RUNNING
from picloud_worker.interpreter.lending import LendingSelector
from picloud_worker.interpreter.line_socket import LineSocket, seconds_until
from picloud_worker.interpreter.sleepers import Awaited, Sleep, Sleepers

if TYPE_CHECKING:
    import asyncio

    from picloud.blobs.store import BlobStore


class JobLine:
    """The line of one interpreter, for one attempt after the other.

    Args:
        end: the socket.
        page: the shared page, which says what runs.
        give_way: called before cores are lent: reports what has finished and gives back the rest.
    """

    def __init__(self, end: socket.socket, page: memoryview, give_way: Callable[[], None]) -> None:
        self._socket = LineSocket(end, page)
        self.undisturbed = self._socket.undisturbed
        self._page = page
        self.blobs: Callable[[], BlobStore] | None = None
        self._give_way = give_way
        self._hearing = threading.RLock()  # what is heard is passed on in order
        self._inputs: dict[int, bytes] = {}
        self._begin(0)

    def _begin(self, attempt: int) -> None:
        self._sleepers = Sleepers()
        self._heard = 0
        self._is_lending = False  # it has said so, and heard nothing since
        self._is_waking = False  # it has said that too, and must not go on yet
        self._refusal: str | None = None
        self._lent_by_loop = False
        self._loops: list[Any] = []
        self._loops_asleep: set[int] = set()  # the threads of those that may be so
        self._session: Any = None
        self._own_session: Any = None
        self._on_heard: Callable[[list[Any]], None] | None = None
        self._on_refused: Callable[[str], None] | None = None
        self._awaited: set[Any] = set()
        self.at_end: Callable[[], object] | None = None
        self._attempt = attempt  # last: another thread that sees it takes the rest for granted

    def _look_at_attempt(self) -> "JobLine":
        if self._page[RUNNING] != self._attempt:
            with self._hearing:  # several threads of a job may be the first to use the cloud
                running = self._page[RUNNING]
                if running != self._attempt:
                    self._begin(running)
        return self

    def take_inputs(self, attempts: list[int], inputs: list[bytes], *, are_next: bool) -> None:
        """Keep what attempts were sent along with; if they are next, those before are over."""
        if are_next:
            running = self.current()
            self._inputs = {each: it for each, it in self._inputs.items() if each == running}
        self._inputs.update(zip(attempts, inputs, strict=False))

    # ------------------------------------------------------------------ of the running attempt

    session = property(
        lambda self: self._look_at_attempt()._session,
        lambda self, session: setattr(self._look_at_attempt(), "_session", session),
    )
    own_session = property(
        lambda self: self._look_at_attempt()._own_session,
        lambda self, session: setattr(self._look_at_attempt(), "_own_session", session),
    )
    on_heard = property(
        lambda self: self._look_at_attempt()._on_heard,
        lambda self, hear: setattr(self._look_at_attempt(), "_on_heard", hear),
    )
    on_refused = property(
        lambda self: self._look_at_attempt()._on_refused,
        lambda self, refuse: setattr(self._look_at_attempt(), "_on_refused", refuse),
    )
    awaited = property(lambda self: self._look_at_attempt()._awaited)
    inputs = property(lambda self: self._inputs.get(self._look_at_attempt()._attempt, b""))

    def current(self) -> int:
        """The number of the running attempt."""
        return int(self._page[RUNNING])

    # ------------------------------------------------------------------ what jobs do

    def say(self, messages: Sequence[object], *, with_next: bool = False) -> None:
        """Send client messages to the master; see `inside.Line`."""
        from picloud.errors import SerializationError
        from picloud.protocol.wire import WIRE
        from picloud_worker.pipe.line import Said

        self._enter()
        frames = WIRE.encode_frames(messages)
        largest = max(map(len, frames), default=0)
        if largest > limits.MAX_PAYLOAD:
            raise SerializationError(
                f"{largest >> 20} MB are to be sent from a job at once, "
                f"the limit is {limits.MAX_PAYLOAD >> 20} MB"
            )
        for frame in frames:
            self._socket.put(Said(self._attempt, frame))
            if not with_next:
                self._socket.send()
        if with_next:
            return
        self._socket.send()  # also what was put before, if there is nothing new
        if not self._loops:
            # A job that asks for much and never waits must not fill the agent's memory. Where
            # somebody listens he does this, and would not notice it if it were done for him.
            self._sleepers.unless_led(partial(self._socket.undisturbed, self._socket.receive))

    def sleep(self, waiter: Awaited, seconds: float | None = None, *, lends: bool = True) -> None:
        """Hear until the waiter is set, or until this time is over.

        Raises:
            NestingTooDeep: there is no room for another sleeper.
        """
        self._enter()
        deadline = None if seconds is None else monotonic() + seconds
        sleepers = self._sleepers
        sleep = Sleep()
        try:
            sleepers.enter(sleep)
            while not waiter.is_set() and not _is_over(deadline):
                sleepers.line_up(sleep, waiter)
                if sleep.place is None:
                    self._lead(waiter, deadline, lends)
                elif not waiter.is_set():  # those who heard looked before it was there
                    self._socket.send()
                    sleep.place.acquire(timeout=-1 if deadline is None else seconds_until(deadline))
        finally:
            is_amid_sleep = sleep.leads and bool(sleep.before)
            is_last = self.undisturbed(sleepers.leave, sleep)
            self._socket.send()
            # Where this was interrupted before, it goes on without.
            if is_last and self._is_lending and not self._is_waking:
                self._wake_up()
            elif is_amid_sleep:
                self._nudge()  # this was a signal handler; what it interrupted waits on
            self._lend_for_others()

    def attach(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Hear on this loop too, and lend the cores while it sleeps and outcomes are awaited."""
        self._enter()
        self._socket.send()
        is_known = any(each is loop for each in self._loops)
        if not is_known:
            self._loops = [each for each in self._loops if not each.is_closed()]
            self._loops.append(loop)
            loop.add_reader(self._socket.fd, self._readable, loop)
        selector = getattr(loop, "_selector", None)
        if selector is None:
            if self._socket.arrived:
                loop.call_soon(self._readable, loop)  # there may be nothing left to be read
            loop.call_soon(self._lend_for_loop)
        elif not isinstance(selector, LendingSelector):
            loop._selector = LendingSelector(selector, self)  # type: ignore[attr-defined]

    def _enter(self) -> None:
        self._socket.check()
        if self._look_at_attempt()._attempt == 0:
            from picloud.errors import CloudException

            raise CloudException("the job has ended: what it left running cannot use the cloud")

    # ------------------------------------------------------------------ lending

    def _lead(self, waiter: Awaited, deadline: float | None, lends: bool) -> None:
        while not waiter.is_set():
            if self._hear():
                continue
            if self._refusal is not None and lends:
                from picloud.errors import NestingTooDeep

                text, self._refusal = self._refusal, None
                raise NestingTooDeep(text)
            if _is_over(deadline):
                return
            if lends:
                self._lend(by_loop=False)
            if not self._socket.arrived:
                self._socket.send()
                self._socket.wait(deadline)

    def _lend(self, *, by_loop: bool) -> None:
        """Say that this job is going to sleep, unless that has been said."""
        if not self._is_lending and not self._is_waking:
            self.undisturbed(_fall_asleep, self, by_loop)

    def _nudge(self) -> None:
        """Make whoever listens look again, as what he waits for may have been heard here.

        He sleeps until something arrives: the agent's answer does.
        """
        from picloud_worker.pipe.line import WokeUp

        self._socket.put(WokeUp(self._attempt))
        self._socket.send()

    def _wake_up(self) -> None:
        """Ask for the cores, and wait until they are there."""
        if not self._is_waking:
            self.undisturbed(_ask_for_cores, self)
        self.sleep(_Leave(self), lends=False)

    # ------------------------------------------------------------------ loops

    def _lend_for_loop(self) -> None:
        if self._awaited and not self._sleepers.leader and not self._socket.is_forked:
            self._lend(by_loop=True)

    def _lend_for_others(self) -> None:
        """Lend for loops that went to sleep while this thread was listening; it works without."""
        if self._loops_asleep and not all(each.is_set() for each in tuple(self._awaited)):
            self._lend_for_loop()

    def before_loop_sleeps(self) -> bool:
        """Lend the cores if outcomes are awaited; False if something was there to be heard."""
        if self._socket.is_forked or self._look_at_attempt()._attempt == 0:
            return True
        # First this, then the look for a listener: one that leaves does it the other way round.
        self._loops_asleep.add(_thread.get_ident())
        if self._sleepers.leader:
            return True
        if self._hear():
            # The cores are back, for other loops that sleep as well: those need them lent again.
            self._loops_asleep.discard(_thread.get_ident())
            self._lend_for_others()
            return False
        self._lend_for_loop()
        return True

    def after_loop_slept(self) -> None:
        """Have the cores again, whatever it was that woke the loop."""
        self._loops_asleep.discard(_thread.get_ident())
        if self._is_lending and not self._sleepers.leader and not self._socket.is_forked:
            self._hear()
            if self._is_lending:
                self._wake_up()
            else:
                self._lend_for_others()

    def _readable(self, loop: "asyncio.AbstractEventLoop") -> None:
        if self._sleepers.leader or self._socket.is_forked:
            return  # it is being read
        self._hear()
        self._lend_for_others()
        if self._awaited and getattr(loop, "_selector", None) is None:
            # Nobody can look into this loop: once those woken have run, it waits again, perhaps.
            loop.call_soon(loop.call_soon, self._lend_for_loop)

    # ------------------------------------------------------------------ in

    def _hear(self) -> bool:
        """Pass on what has arrived; False if nothing had."""
        return self._socket.undisturbed(self._hear_all)

    def _hear_all(self) -> bool:
        arrived = self._socket.arrived
        with self._hearing:
            if not arrived and not self._socket.receive():
                return False
            while arrived:
                _take(self, arrived.popleft())
        self._sleepers.wake()
        if self._sleepers.leader not in (0, _thread.get_ident()):
            self._nudge()
        return True


class _Leave:
    """The agent's word that the job may go on."""

    def __init__(self, line: JobLine) -> None:
        self._line = line

    def is_set(self) -> bool:
        """Whether it has come."""
        return not self._line._is_waking


def _fall_asleep(line: JobLine, by_loop: bool) -> None:
    from picloud_worker.pipe.line import Asleep

    line._give_way()
    line._refusal = None
    line._lent_by_loop = by_loop
    line._is_lending = True
    line._socket.put(Asleep(line._attempt, line._heard))
    line._socket.send()


def _ask_for_cores(line: JobLine) -> None:
    line._is_waking = True
    line._nudge()


def _take(line: JobLine, message: Any) -> None:
    """Take one word of the agent."""
    from picloud.protocol.wire import WIRE
    from picloud_worker.pipe.line import GoOn, Heard, TooDeep

    if message.sequence != line._attempt:
        return  # for an attempt that has ended
    match message:
        case Heard(_, frame):
            line._heard += 1
            line._is_lending = False
            if line._on_heard is not None:
                line._on_heard(WIRE.decode(frame))
        case GoOn():
            line._is_lending = line._is_waking = False
        case TooDeep(_, text):
            line._is_lending = False
            if not line._lent_by_loop:
                line._refusal = text
            elif line._on_refused is not None:
                line._on_refused(text)


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and monotonic() >= deadline
