"""An interpreter in virtual time, true to the pipe's messages.

It runs attempts in the order in which they came, reports when it has nothing pending or a
millisecond after its last report, answers a recall even while a job runs (unless the job is deaf)
and dies with its running attempt known and its unsent results lost.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from picloud.protocol.failures import Failure, FailureKind
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import Exit, InterpreterExited, InterpreterSaid, Output
from picloud_worker.pipe.messages import (
    PIPE,
    Dirty,
    Discard,
    GaveBack,
    Prepare,
    Raised,
    Returned,
    RunAttempts,
)
from tests.support.timeline import SimulatedLink, Timeline

BOOT = 0.030
PIPE_DELAY = 0.000_05
SIGNAL_DELAY = 0.000_2
KILL_DELAY = 0.05
"""Longer than a start takes, so that a successor could be there before the dead are gone."""
FLUSH_AFTER = 0.001
RAISED = Failure(FailureKind.EXCEPTION, "the job raised", "builtins.ValueError")


@dataclass(frozen=True)
class Behaviour:
    """What a simulated job does; its payload.

    Attributes:
        seconds: how long it runs.
        ending: "returns", "raises", "exits" (its process ends), or "litters" (leaves a thread).
        deaf: it does not let signal handlers run.
    """

    seconds: float = 0.001
    ending: str = "returns"
    deaf: bool = False

    def payload(self) -> bytes:
        return f"{self.seconds!r} {self.ending} {self.deaf:d}".encode()

    @classmethod
    def of(cls, payload: bytes) -> "Behaviour":
        seconds, ending, deaf = payload.decode().split()
        return cls(float(seconds), ending, deaf == "1")


class SimulatedInterpreter:
    """One process.

    Args:
        pool: whose cores it uses.
        post: takes events for the agent.
        on_start: told of each attempt that begins to run.
    """

    def __init__(
        self,
        timeline: Timeline,
        number: int,
        pool: int,
        post: Callable[[InterpreterSaid | InterpreterExited], None],
        on_start: Callable[[Attempt], None],
    ) -> None:
        self._timeline = timeline
        self._number = number
        self.pool = pool
        self._post = post
        self._on_start = on_start
        self.pipe = SimulatedLink(timeline, PIPE, PIPE_DELAY, self._receive)
        self._said = SimulatedLink(timeline, PIPE, PIPE_DELAY, self._tell)
        self.given: dict[int, Attempt] = {}
        self.running: Attempt | None = None
        self.is_dead = False
        self._specs: set[int] = set()
        self._pending: deque[tuple[int, bytes]] = deque()
        self._messages: list[object] = []
        self._returned = Returned([], [], [])
        self._flushed = timeline.now
        self._booted = self._retired = self._recalled = False
        timeline.after(BOOT, self._boot)

    # ------------------------------------------------------------------ what is done to it

    def recall(self) -> None:
        """A signal that asks for what has not started."""
        self._timeline.after(SIGNAL_DELAY, self._on_recall)

    def revoke(self) -> None:
        """A mark in shared memory, which it heeds before it starts another attempt."""
        self._recalled = True

    def kill(self) -> None:
        """A kill of its process tree."""
        self._timeline.after(KILL_DELAY, lambda: self.die(Exit(None, 9)))

    def die(self, exit_: Exit) -> None:
        """The end, whatever it does now."""
        if not self.is_dead:
            self.is_dead = self.pipe.is_dead = True
            running = self.running.sequence if self.running else 0
            self.running = None
            event = InterpreterExited(self._number, exit_, running, Output())
            self._timeline.after(PIPE_DELAY, lambda: self._post(event))

    # ------------------------------------------------------------------ its loop

    def _boot(self) -> None:
        self._booted = True
        self._run_next()

    def _receive(self, messages: list[object]) -> None:
        for message in messages:
            match message:
                case Prepare(spec):
                    self._specs.add(spec)
                case Discard(spec):
                    self._specs.remove(spec)
                case RunAttempts(spec, sequences, payloads):
                    assert spec in self._specs, "attempts of a spec that is not prepared"
                    self._pending.extend(zip(sequences, payloads, strict=True))
        if self._retired:
            self._give_back()
        self._run_next()

    def _run_next(self) -> None:
        if self._recalled and not self.running and not self.is_dead:
            self._give_back()
        if self._pending and self._booted and not self.running and not self.is_dead:
            sequence, payload = self._pending.popleft()
            self.running = self.given[sequence]
            self._on_start(self.running)
            behaviour = Behaviour.of(payload)
            self._timeline.after(behaviour.seconds, lambda: self._finish(behaviour, payload))

    def _finish(self, behaviour: Behaviour, payload: bytes) -> None:
        if self.is_dead or self.running is None:
            return
        if behaviour.ending == "exits":
            self.die(Exit(3))
            return
        sequence, self.running = self.running.sequence, None
        if behaviour.ending == "raises":
            self._seal()
            self._messages.append(Raised(sequence, RAISED, behaviour.seconds))
        else:
            self._returned.sequences.append(sequence)
            self._returned.results.append(b"result of " + payload)
            self._returned.runtimes.append(behaviour.seconds)
        if behaviour.ending == "litters":
            self._flush()
            self._retired = True
            self._give_back(Dirty("a thread"))
        elif not self._pending or self._timeline.now - self._flushed > FLUSH_AFTER:
            self._flush()
        self._run_next()

    def _on_recall(self) -> None:
        if self.running is not None and Behaviour.of(self.running.payload).deaf:
            self._recalled = True
        elif not self.is_dead:
            self._give_back()

    def _give_back(self, *more: object) -> None:
        self._recalled = False
        self._seal()
        self._messages += [GaveBack([sequence for sequence, _ in self._pending]), *more]
        self._pending.clear()
        self._flush()

    # ------------------------------------------------------------------ what it says

    def _seal(self) -> None:
        if self._returned.sequences:
            self._messages.append(self._returned)
            self._returned = Returned([], [], [])

    def _flush(self) -> None:
        self._seal()
        if self._messages:
            self._said.send(self._messages)
            self._messages = []
        self._flushed = self._timeline.now

    def _tell(self, messages: list[object]) -> None:
        self._post(InterpreterSaid(self._number, messages))
