"""A worker in virtual time: a real agent, its simulated interpreters, and its end of the link."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Any

from picloud.protocol.ids import WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.protocol.wire import WIRE
from picloud.testing.simulated_interpreter import PIPE_DELAY, SimulatedInterpreter
from picloud.testing.timeline import SimulatedLink, Timeline
from picloud_worker.core import effects, settings
from picloud_worker.core.agent import Agent
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import (
    BuildEnded,
    Event,
    Exit,
    InterpreterExited,
    MasterSaid,
    Output,
    OutputFetched,
    Ticked,
)

LONGEST_TICK = 2_000.0
"""While nothing but time passes at a worker, its ticks are thinned out, up to this. One comes
whenever a time limit is reached, all the same."""

SOON = 2.0
"""Up to here they are thinned out slowly, since an agent's patience ends within it."""


class SimulatedWorker(ABC):
    """A worker process.

    Args:
        pools: its cores.
        delay: seconds that a message takes, either way.
        max_sleepers: how many of its jobs may be asleep.
        tell_master: takes what it says to the master.
    """

    def __init__(
        self,
        timeline: Timeline,
        worker: WorkerId,
        pools: list[SlotPool],
        delay: float,
        max_sleepers: int,
        tell_master: Callable[[list[Any]], None],
    ) -> None:
        self.id = worker
        self.pools = pools
        self.is_dead = False
        self.starts_fail = False
        self.agent = Agent(pools, max_sleepers)
        self.interpreters: dict[int, SimulatedInterpreter] = {}
        self.timeline = timeline
        self.up = SimulatedLink(timeline, WIRE, delay, tell_master)
        self.down = SimulatedLink(timeline, WIRE, delay, self._heard)
        self._inbox: list[Event] = []
        self._tick = 0  # number of the tick that is awaited
        self._interval = settings.TICK

    @abstractmethod
    def make_interpreter(self, number: int, pool: int) -> SimulatedInterpreter:
        """Start an interpreter."""

    def attempt_started(self, attempt: Attempt) -> None:
        """See `InterpreterHost`."""
        if attempt.spec.spec.timeout:
            self._await_tick(quiet=False)

    def cores_returned(self) -> None:  # noqa: B027 - nobody need listen
        """See `InterpreterHost`."""

    def die(self) -> None:
        """The process ends, and with it all interpreters."""
        self.is_dead = self.up.is_dead = self.down.is_dead = True
        for interpreter in self.interpreters.values():
            interpreter.die(Exit(None, 9))

    def running(self) -> list[Attempt]:
        """Attempts that run at this moment."""
        return [one.running for one in self.interpreters.values() if one.running]

    # ------------------------------------------------------------------ turns

    def post(self, event: Event) -> None:
        """Hand over an event; what comes at one instant is one turn."""
        if isinstance(event, InterpreterExited):
            self.interpreters.pop(event.interpreter, None)
        if self.is_dead:
            return
        if not self._inbox:
            self.timeline.after(0.0, self._turn)
        self._inbox.append(event)

    def _turn(self) -> None:
        events, self._inbox = self._inbox, []
        if self.is_dead:
            return
        up: list[object] = []
        pipes: dict[int, list[object]] = {}
        for effect in self.agent.handle(self.timeline.now, *events):
            match effect:
                case effects.SendToMaster(message):
                    up.append(message)
                case effects.SendToInterpreter(interpreter, message):
                    pipes.setdefault(interpreter, []).append(message)
                case _:
                    self._perform(effect)
        if up:
            self.up.send(up)
        for number, messages in pipes.items():
            self._give(number, messages)
        self._await_tick(quiet=all(type(event) is Ticked for event in events))

    def _await_tick(self, *, quiet: bool) -> None:
        growth = 1.5 if self._interval < SOON else 5.0
        self._interval = min(self._interval * growth, LONGEST_TICK) if quiet else settings.TICK
        self._tick += 1
        if self.agent.busy_interpreters():
            tick = self._tick
            due = min(self.timeline.now + self._interval, self._next_limit())
            self.timeline.at(due, lambda: self._ticked(tick))

    def _next_limit(self) -> float:
        limits = [one.time_is_up for one in self.interpreters.values()]
        return min((each for each in limits if each > self.timeline.now), default=inf)

    def _ticked(self, tick: int) -> None:
        if tick == self._tick:
            busy = self.agent.busy_interpreters()
            self.post(Ticked({n: self._cell(n) for n in busy if not self._is_in_time(n)}))

    def _is_in_time(self, number: int) -> bool:
        """The agent, which counts from when it gave an attempt, would end it before its time.

        How long a process starts must not matter to whoever tests a limit.
        """
        interpreter = self.interpreters.get(number)
        if interpreter is None or interpreter.running is None:
            return False
        attempt, now = interpreter.running, self.timeline.now
        limit = attempt.spec.spec.timeout
        return bool(limit) and attempt.assigned + limit < now < interpreter.time_is_up

    def _perform(self, effect: effects.Effect) -> None:
        match effect:
            case effects.StartInterpreter(number):
                self._start(number)
            case effects.BuildEnvironment(environment):
                self.post(BuildEnded(environment.digest))
            case effects.RecallInterpreter(number) if number in self.interpreters:
                self.interpreters[number].recall()
            case effects.RevokeInterpreter(number) if number in self.interpreters:
                self.interpreters[number].revoke()
            case effects.KillInterpreter(number) if number in self.interpreters:
                self.interpreters[number].kill()
            case effects.TellAttempt(number, message) if number in self.interpreters:
                self.interpreters[number].line.send([message])
            case effects.FetchOutput(number, sequence):
                runs = self._cell(number) == sequence
                output = Output(stdout="so far") if runs else Output()
                self.post(OutputFetched(number, sequence, output))
            case effects.FetchBlob() | effects.PinBlobs() | effects.ServePiece():
                raise AssertionError(f"values stay in one piece here, but there is {effect}")

    # ------------------------------------------------------------------ interpreters

    def _start(self, number: int) -> None:
        if self.starts_fail:
            exited = InterpreterExited(number, Exit(None, text="no memory"), 0, Output())
            self.timeline.after(PIPE_DELAY, lambda: self.post(exited))
            return
        pool = self.agent.crew.interpreters[number].pool
        self.interpreters[number] = self.make_interpreter(number, pool)

    def _give(self, number: int, messages: list[object]) -> None:
        interpreter = self.interpreters.get(number)
        if interpreter is not None:
            interpreter.given.update(self.agent.crew.interpreters[number].outstanding)
            interpreter.pipe.send(messages)

    def _cell(self, number: int) -> int:
        interpreter = self.interpreters.get(number)
        return interpreter.running.sequence if interpreter and interpreter.running else 0

    def _heard(self, messages: list[Any]) -> None:
        self.post(MasterSaid(messages))
