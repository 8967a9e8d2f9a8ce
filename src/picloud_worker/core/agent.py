"""Moves events through attempts and interpreters, one turn at a time.

A turn: each event is given to its handler, then those that are to sleep lend their cores, then
waiting attempts are given to interpreters with room, then everything that the turn has to say is
said at once. The agent moves; transitions and the pool's planner decide.
"""

from collections.abc import Callable
from typing import Any

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import SlotPool
from picloud.protocol.worker_messages import SetWindow
from picloud_worker.core import (
    arguments,
    attempt_words,
    crowding,
    environments,
    following,
    interpreter_reports,
    master_orders,
    settings,
    ticks,
)
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import InterpreterDied
from picloud_worker.core.attempt.states import Storing
from picloud_worker.core.crew import Crew
from picloud_worker.core.effects import Effect, SendToMaster
from picloud_worker.core.events import (
    AttemptSpoke,
    BlobArrived,
    BlobMissed,
    BlobsFound,
    BuildEnded,
    Event,
    InterpreterExited,
    InterpreterSaid,
    MasterSaid,
    Output,
    OutputFetched,
    Ticked,
)
from picloud_worker.core.exits import failure_of, failure_of_running
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import RECALL_NEEDED
from picloud_worker.core.interpreter.states import Ending, Idle, Lending, Woken
from picloud_worker.core.pool import Give, NeedInterpreter, Pool, Resume

_UNKNOWN_FATE = Failure(FailureKind.WORKER_LOST, "the job's process ended")

_NOTABLE_CHANGE = 1.5
"""The master hears of a new window only if it differs by this factor."""


class Agent:
    """A worker's decisions. The same events, with the same times, give the same effects.

    Args:
        offers: the worker's cores.
        max_sleepers: how many attempts may wait for other jobs at the same time.
        shares_store: the master keeps its blobs in the same store as this worker.
        last_sequence: interpreters know attempts by the numbers after this one. Jobs can read
            these; with an arbitrary beginning they tell nothing of the ids of jobs.
    """

    def __init__(
        self,
        offers: list[SlotPool],
        max_sleepers: int = settings.MAX_SLEEPERS,
        *,
        shares_store: bool = False,
        last_sequence: int = 0,
    ) -> None:
        self.crew = Crew(offers, max_sleepers, last_sequence, shares_store=shares_store)
        self._window = 1
        self._measured = 0.0

    def handle(self, now: float, *events: Event) -> list[Effect]:
        """Take what has happened, at `now` on a monotonic clock, and decide what follows."""
        crew = self.crew
        crew.now = now
        for event in events:
            _HANDLERS[type(event)](crew, event)
        if crew.dozing:
            attempt_words.settle_down(crew)
        if crew.orphans:
            following.return_orphans(crew)
        for pool in crew.pools:
            _dispatch(crew, pool)
        master_orders.give_back_owed(crew)
        self._set_window()
        effects, crew.effects = crew.effects, []
        is_tick = any(type(event) is Ticked for event in events)
        effects += [SendToMaster(each) for each in crew.reports.messages(is_tick=is_tick)]
        return effects

    def busy_interpreters(self) -> list[int]:
        """Interpreters for which `Ticked` should come, with what they run."""
        interpreters = self.crew.interpreters
        for pool in self.crew.pools:
            if pool.is_holding_back:
                return list(interpreters)  # it is time that lets go of what is held back
        return [one.id for one in interpreters.values() if _needs_ticks(one)]

    def _set_window(self) -> None:
        seconds = self.crew.overall.seconds or settings.MASTER_WINDOW
        if seconds == self._measured and not self.crew.environments:
            return
        self._measured = seconds
        wanted = round(settings.MASTER_WINDOW / seconds)
        window = max(1, min(wanted, settings.MAX_LEASES_PER_CORE))
        if self.crew.environments and window == 1 and environments.is_building(self.crew):
            window = 2  # else what waits for its environment would keep all others away
        low, high = sorted((window, self._window))
        if high >= low * _NOTABLE_CHANGE:
            self._window = window
            self.crew.effects.append(SendToMaster(SetWindow(window)))


def _needs_ticks(interpreter: Interpreter) -> bool:
    kind = type(interpreter.state)
    if kind is Lending or kind is Woken:
        return any(one.spec.spec.timeout for one in interpreter.outstanding.values())
    return kind is not Idle


def _dispatch(crew: Crew, pool: Pool) -> None:
    while (step := pool.next_step(crew.now, crowding.least_rank(crew))) is not None:
        if isinstance(step, Give):
            crew.give(step.interpreter, step.attempts)
        elif isinstance(step, NeedInterpreter):
            crew.start_interpreter(pool, step.attempt.spec.key)
        elif isinstance(step, Resume):
            crew.resume(step.interpreter)
        else:
            crew.tell_interpreter(step.interpreter, RECALL_NEEDED)


def _master_said(crew: Crew, event: MasterSaid) -> None:
    for message in event.messages:
        master_orders.take(crew, message)


def _output_fetched(crew: Crew, event: OutputFetched) -> None:
    interpreter = crew.interpreters.get(event.interpreter)
    attempt = interpreter.outstanding.get(event.sequence) if interpreter else None
    if attempt is None:
        # Given back meanwhile, it still owes an answer; if it has ended, the master knows already.
        waiting = (one for one in crew.attempts.values() if one.sequence == event.sequence)
        attempt = next(waiting, None)
    if attempt is not None and type(attempt.state) is not Storing:
        crew.reports.output(attempt, event.output)


def _interpreter_exited(crew: Crew, event: InterpreterExited) -> None:
    interpreter = crew.interpreters.pop(event.interpreter)
    crew.pools[interpreter.pool].remove(interpreter)
    if not interpreter.has_spoken and not event.running and type(interpreter.state) is not Ending:
        crew.failed_starts += 1
    for attempt in interpreter.outstanding.values():
        if attempt.sequence == event.running and event.output != Output():
            crew.reports.output(attempt, event.output)
        crew.tell_attempt(attempt, _fate(crew, interpreter, attempt, event))


def _fate(
    crew: Crew, interpreter: Interpreter, attempt: Attempt, event: InterpreterExited
) -> InterpreterDied:
    """What the end of its interpreter means for one attempt that it had."""
    state, spec = interpreter.state, attempt.spec.spec
    planned = state.failure if isinstance(state, Ending) else None
    if attempt.sequence == event.running:
        return InterpreterDied(planned or failure_of_running(event.exit))
    if planned and spec.runs_alone:
        return InterpreterDied(planned)  # it has no neighbours, so it was meant
    if crew.failed_starts >= settings.MAX_FAILED_STARTS and not interpreter.has_spoken:
        return InterpreterDied(failure_of(event.exit))
    # It was not running: finished but unreported, or unstarted. Only the second is sure if it was
    # ended on purpose, since it reports first, or could not be started at all.
    unstarted = isinstance(state, Ending) or (event.exit.code is None and not event.exit.signal)
    return InterpreterDied(None if spec.restartable or unstarted else _UNKNOWN_FATE)


_HANDLERS: dict[type, Callable[[Crew, Any], None]] = {
    MasterSaid: _master_said,
    InterpreterSaid: interpreter_reports.take,
    AttemptSpoke: attempt_words.take,
    InterpreterExited: _interpreter_exited,
    OutputFetched: _output_fetched,
    BuildEnded: environments.take,
    Ticked: ticks.take,
    BlobArrived: arguments.arrived,
    BlobMissed: arguments.missed,
    BlobsFound: arguments.found,
}
