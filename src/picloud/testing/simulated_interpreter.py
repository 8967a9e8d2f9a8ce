"""An interpreter in virtual time, true to the pipe's messages.

It runs attempts in the order in which they came, reports when it has nothing pending or a
millisecond after its last report, answers a recall even while a job runs (unless the job is deaf)
and dies with its running attempt known and its unsent results lost. How it runs an attempt is up
to its subclass.
"""

from abc import ABC, abstractmethod
from collections import deque
from math import inf
from typing import Protocol

from picloud.protocol.failures import Failure
from picloud.protocol.ids import Handles
from picloud.testing.timeline import SimulatedLink, Timeline
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import (
    AttemptSpoke,
    Exit,
    InterpreterExited,
    InterpreterSaid,
    Output,
)
from picloud_worker.pipe.line import LINE
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

BOOT = 0.030
PIPE_DELAY = 0.000_05
SIGNAL_DELAY = 0.000_2
KILL_DELAY = 0.05
"""Longer than a start takes, so that a successor could be there before the dead are gone."""
LOOK_AFTER = 0.001
REPORT_AFTER = 0.010


class InterpreterHost(Protocol):
    """What an interpreter's worker is told."""

    def post(self, event: InterpreterSaid | InterpreterExited | AttemptSpoke) -> None:
        """Something for the agent."""

    def attempt_started(self, attempt: Attempt) -> None:
        """An attempt begins to run."""

    def cores_returned(self) -> None:
        """A job that was asleep has its cores again."""


class JobOfCloud(Protocol):
    """A job that uses the cloud over its interpreter's line."""

    @property
    def is_asleep(self) -> bool:
        """It may have lent its cores."""

    def hear(self, message: object) -> None:
        """Something has come over the line."""

    def abandon(self) -> None:
        """Its process is gone."""


class SimulatedInterpreter(ABC):
    """One process.

    Args:
        number: its name at the agent.
        pool: whose cores it uses.
        host: its worker.
    """

    kill_delay = KILL_DELAY

    def __init__(self, timeline: Timeline, number: int, pool: int, host: InterpreterHost) -> None:
        self._timeline = timeline
        self._number = number
        self.pool = pool
        self._host = host
        self.pipe = SimulatedLink(timeline, PIPE, PIPE_DELAY, self._receive)
        self._said = SimulatedLink(
            timeline, PIPE, PIPE_DELAY, lambda said: host.post(InterpreterSaid(number, said))
        )
        self.line = SimulatedLink(timeline, LINE, PIPE_DELAY, self._hear)
        self._spoken = SimulatedLink(
            timeline, LINE, PIPE_DELAY, lambda said: host.post(AttemptSpoke(number, said))
        )
        self.given: dict[int, Attempt] = {}
        self.running: Attempt | None = None
        self.is_dead = False
        self._job: JobOfCloud | None = None
        self._began = 0.0
        self._specs: dict[int, Prepare] = {}
        self._pending: deque[tuple[int, Prepare]] = deque()
        self._messages: list[object] = []
        self._returned = Returned([], [], [])
        self._flushed = timeline.now
        self._booted = self._retired = self._recalled = False
        timeline.after(BOOT, self._boot)

    @property
    def is_asleep(self) -> bool:
        """What it runs may have lent its cores."""
        return self._job is not None and self._job.is_asleep

    @property
    def time_is_up(self) -> float:
        """When what it runs has run for as long as it may; never if there is no limit."""
        limit = self.running.spec.spec.timeout if self.running else 0.0
        return self._began + limit if limit else inf

    # ------------------------------------------------------------------ what differs

    @abstractmethod
    def _run(self, attempt: Attempt, spec: Prepare) -> None:
        """Begin to run an attempt; `_end` or `die` follows some time."""

    def _is_deaf(self, attempt: Attempt) -> bool:
        """Whether an attempt keeps signal handlers from running."""
        return False

    # ------------------------------------------------------------------ what is done to it

    def recall(self) -> None:
        """A signal that asks for what has not started."""
        self._timeline.after(SIGNAL_DELAY, self._on_recall)

    def revoke(self) -> None:
        """A mark in shared memory, which it heeds before it starts another attempt."""
        self._recalled = True

    def kill(self) -> None:
        """A kill of its process tree."""
        self._timeline.after(self.kill_delay, lambda: self.die(Exit(None, 9)))

    def die(self, exit_: Exit) -> None:
        """The end, whatever it does now."""
        if not self.is_dead:
            self.is_dead = self.pipe.is_dead = self.line.is_dead = True
            running = self.running.sequence if self.running else 0
            self.running = None
            if self._job is not None:
                self._job.abandon()
            event = InterpreterExited(self._number, exit_, running, Output())
            self._timeline.after(PIPE_DELAY, lambda: self._host.post(event))

    # ------------------------------------------------------------------ its loop

    def _boot(self) -> None:
        self._booted = True
        self._run_next()

    def _receive(self, messages: list[object]) -> None:
        for message in messages:
            match message:
                case Prepare(spec):
                    self._specs[spec] = message
                case Discard(spec):
                    del self._specs[spec]
                case RunAttempts(spec, sequences):
                    assert spec in self._specs, "attempts of a spec that is not prepared"
                    self._pending.extend((each, self._specs[spec]) for each in sequences)
        if self._retired:
            self._give_back()
        self._run_next()

    def _run_next(self) -> None:
        if self._recalled and not self.running and not self.is_dead:
            self._give_back()
        if self._pending and self._booted and not self.running and not self.is_dead:
            sequence, spec = self._pending.popleft()
            self.running = attempt = self.given[sequence]
            self._began = self._timeline.now
            self._host.attempt_started(attempt)
            self._run(attempt, spec)

    def _end(
        self,
        outcome: bytes | Failure,
        handles: Handles | None = None,
        *,
        litters: bool = False,
    ) -> None:
        """The running attempt has returned, or raised."""
        assert self.running is not None
        sequence, runtime = self.running.sequence, self._timeline.now - self._began
        if isinstance(outcome, Failure):
            self._seal()
            self._messages.append(Raised(sequence, outcome, runtime))
        elif handles:
            self._seal()
            self._messages.append(Returned([sequence], [outcome], [runtime], [handles]))
        else:
            self._returned.sequences.append(sequence)
            self._returned.results.append(outcome)
            self._returned.runtimes.append(runtime)
        self.running = self._job = None
        if litters:
            self._flush()
            self._retired = True
            self._give_back(Dirty("a thread"))
        elif not self._pending or self._timeline.now - self._flushed > (
            LOOK_AFTER if runtime < LOOK_AFTER else REPORT_AFTER
        ):
            self._flush()
        self._run_next()

    # ------------------------------------------------------------------ the line

    def speak(self, message: object) -> None:
        """The running job says something to the agent."""
        self._spoken.send([message])

    def give_way(self) -> None:
        """The running job is about to sleep: do what a recall would ask for."""
        if self._pending or self._returned.sequences or self._messages:
            self._give_back()

    def _hear(self, messages: list[object]) -> None:
        for message in messages:
            if self._job is not None:
                self._job.hear(message)

    # ------------------------------------------------------------------ recalls

    def _on_recall(self) -> None:
        if self.running is not None and self._is_deaf(self.running):
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
