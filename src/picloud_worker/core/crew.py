"""All attempts and interpreters of a worker, the indices over them, and what the turn has to say.

Handlers work on a `Crew`; only its `tell_attempt` and `tell_interpreter` change an actor's state.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import SlotPool
from picloud.statemachine import advance
from picloud_worker.core import settings
from picloud_worker.core.attempt import events as attempt_events
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import AWOKE, FELL_ASLEEP, AttemptEvent
from picloud_worker.core.attempt.states import Over
from picloud_worker.core.attempt.transitions import KILLED
from picloud_worker.core.attempt.transitions import TRANSITIONS as ATTEMPT_TRANSITIONS
from picloud_worker.core.blobs import Blobs, ResultOffer
from picloud_worker.core.effects import (
    Effect,
    KillInterpreter,
    RecallInterpreter,
    RevokeInterpreter,
    SendToInterpreter,
    StartInterpreter,
    TellAttempt,
)
from picloud_worker.core.environment.actor import EnvironmentActor
from picloud_worker.core.interpreter import events as interpreter_events
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import (
    CORES_BACK,
    CORES_LENT,
    CORES_WANTED,
    GIVEN,
    RECALL_NEEDED,
    EndNeeded,
    InterpreterEvent,
)
from picloud_worker.core.interpreter.states import Lending
from picloud_worker.core.interpreter.transitions import TRANSITIONS as INTERPRETER_TRANSITIONS
from picloud_worker.core.pool import Pool
from picloud_worker.core.reports import Reports
from picloud_worker.core.specs import Estimate, InterpreterKey, KnownSpec
from picloud_worker.pipe.line import GoOn, Heard
from picloud_worker.pipe.messages import Prepare, RunAttempts


class Crew:
    """What an agent knows; its handlers move it."""

    def __init__(
        self,
        offers: list[SlotPool],
        max_sleepers: int,
        last_sequence: int = 0,
        *,
        shares_store: bool = False,
    ) -> None:
        self.pools = [Pool(number, offer) for number, offer in enumerate(offers)]
        self.trees: set[bytes] = {b""}
        self.environments: dict[str, EnvironmentActor] = {}
        self.unequipped: set[Attempt] = set()
        """Attempts whose environment is not built."""
        self.specs: dict[int, KnownSpec] = {}
        self.attempts: dict[JobId, Attempt] = {}
        self.followers: dict[JobId, list[Attempt]] = {}
        """Attempts that wait for an attempt here to return, by its job."""
        self.orphans: list[Attempt] = []
        """Those of them whose leader has ended otherwise in this turn."""
        self.interpreters: dict[int, Interpreter] = {}
        self.reports = Reports()
        self.overall = Estimate()
        """Run time over all specs; the window that the master is asked for follows it."""
        self.failed_starts = 0
        """Interpreters in a row that ended before they said anything."""
        self.owed: int | None = None
        """Attempts that the master asked back and has got no answer for."""
        self.max_sleepers = max_sleepers
        self.sleepers = 0
        """Attempts that are asleep."""
        self.quiet_since: float | None = None
        """Since when attempts sleep and none runs; see `crowding`."""
        self.dozing: dict[int, Attempt] = {}
        """Attempts that are about to sleep, by interpreter; some still have neighbours there."""
        self.effects: list[Effect] = []
        self.blobs = Blobs(lambda effect: self.effects.append(effect))
        self.shares_store = shares_store
        """What the master keeps is here, too; and what is here the master removes."""
        self.offers: dict[tuple[str, bytes], deque[ResultOffer]] = {}
        """What the master was asked to keep and has not answered, by owner and key, in order."""
        self.now = 0.0
        self._last_interpreter = 0
        self._last_sequence = last_sequence

    # ------------------------------------------------------------------ moving actors

    def tell_attempt(self, attempt: Attempt, event: AttemptEvent) -> None:
        """Give an event to an attempt and carry out what its step asks for."""
        for output in advance(attempt, ATTEMPT_TRANSITIONS, event, self.now):
            _ATTEMPT_OUTPUTS[type(output)](self, attempt, output)
        if type(attempt.state) is Over:
            if self.blobs.needs:
                self.blobs.release(attempt)
            if self.attempts.get(attempt.jid) is attempt:
                del self.attempts[attempt.jid]
                if self.followers:
                    self.orphans += self.followers.pop(attempt.jid, ())

    def tell_interpreter(self, interpreter: Interpreter, event: InterpreterEvent) -> None:
        """Give an event to an interpreter and carry out what its step asks for."""
        for output in advance(interpreter, INTERPRETER_TRANSITIONS, event, self.now):
            self.effects.append(_INTERPRETER_OUTPUTS[type(output)](interpreter.id))
        self.pools[interpreter.pool].sort_in(interpreter)

    # ------------------------------------------------------------------ attempts

    def next_sequence(self) -> int:
        """The number that interpreters know an attempt by."""
        self._last_sequence += 1
        return self._last_sequence

    def pool_for(self, core_type: str) -> Pool | None:
        """The pool that serves a core type."""
        for pool in self.pools:
            if core_type in pool.core_types:
                return pool
        return None

    def pool_of(self, attempt: Attempt) -> Pool:
        """The pool that an attempt waits or runs in."""
        pool = self.pool_for(attempt.spec.spec.core_type)
        assert pool is not None  # checked when the attempt arrived
        return pool

    def lacks_nothing(self, attempt: Attempt) -> bool:
        """All that an attempt which was held up needs is here by now."""
        blobs, unequipped = self.blobs.missing, self.unequipped
        return not attempt.leaders and attempt not in blobs and attempt not in unequipped

    # ------------------------------------------------------------------ interpreters

    def start_interpreter(self, pool: Pool, key: InterpreterKey) -> Interpreter:
        """Start one, ending idle ones that are too many."""
        self._last_interpreter += 1
        interpreter = Interpreter(self._last_interpreter, key, pool.number, self.now)
        self.interpreters[interpreter.id] = interpreter
        pool.interpreters[interpreter.id] = interpreter
        self.effects.append(StartInterpreter(interpreter.id, key.code, key.owner, key.environment))
        for surplus in list(pool.surplus()):
            if surplus is not interpreter:
                self.tell_interpreter(surplus, EndNeeded(None))
        return interpreter

    def give(self, interpreter: Interpreter, attempts: list[Attempt]) -> None:
        """Send attempts of one spec to an interpreter."""
        spec = attempts[0].spec
        if spec.number not in interpreter.known_specs:
            interpreter.known_specs.add(spec.number)
            self.effects.append(SendToInterpreter(interpreter.id, _preparation(spec)))
        is_idle = not interpreter.outstanding
        dispatched = attempt_events.Dispatched(interpreter.id)
        for attempt in attempts:
            self.tell_attempt(attempt, dispatched)
            interpreter.outstanding[attempt.sequence] = attempt
        interpreter.cores = spec.spec.cores
        interpreter.is_fresh = False
        interpreter.single_use = spec.spec.kill_process
        interpreter.longest = max(interpreter.longest, spec.estimate.seconds or 0.0)
        if is_idle and (spec.estimate.seconds or settings.WINDOW) >= settings.WINDOW:
            # It starts at once and is not known to be short: its user may well look meanwhile.
            attempts[0].reported_started = True
            self.reports.begun(attempts[0])
        self.tell_interpreter(interpreter, GIVEN)
        inputs = [one.inputs for one in attempts]
        run = RunAttempts(
            spec.number,
            [one.sequence for one in attempts],
            [one.payload for one in attempts],
            inputs if any(inputs) else None,
        )
        self.effects.append(SendToInterpreter(interpreter.id, run))

    # ------------------------------------------------------------------ sleepers

    def lend(self, interpreter: Interpreter, attempt: Attempt) -> None:
        """Free the cores of an interpreter whose only attempt sleeps."""
        self.tell_attempt(attempt, FELL_ASLEEP)
        self.tell_interpreter(interpreter, CORES_LENT)
        self.pools[interpreter.pool].reserve(attempt.rank + 1, self.now)

    def wake(self, interpreter: Interpreter) -> None:
        """Let a sleeper stand in line for its cores, if it does not do so already."""
        if type(interpreter.state) is Lending:
            self.tell_interpreter(interpreter, CORES_WANTED)
            self.pools[interpreter.pool].woken.append(interpreter)

    def resume(self, interpreter: Interpreter) -> None:
        """Give a sleeper its cores back, and what was held until then."""
        (attempt,) = interpreter.outstanding.values()
        self.tell_interpreter(interpreter, CORES_BACK)
        self.tell_attempt(attempt, AWOKE)
        conversation = attempt.converse()
        held, conversation.held = conversation.held, []
        self.tell_frames(interpreter, attempt, held)
        if conversation.wants_word:
            conversation.wants_word = False
            self.effects.append(TellAttempt(interpreter.id, GoOn(attempt.sequence)))

    def tell_frames(self, interpreter: Interpreter, attempt: Attempt, frames: list[bytes]) -> None:
        """Pass on what the master says to an attempt."""
        attempt.converse().told += len(frames)
        for frame in frames:
            self.effects.append(TellAttempt(interpreter.id, Heard(attempt.sequence, frame)))

    # ------------------------------------------------------------------ outputs of attempts

    def _put_back(self, attempt: Attempt, output: attempt_events.PutBack) -> None:
        self.pool_of(attempt).backlog.put_back(attempt)

    def _report_returned(self, attempt: Attempt, output: attempt_events.ReportReturned) -> None:
        self.reports.returned(attempt)

    def _report_failed(self, attempt: Attempt, output: attempt_events.ReportFailed) -> None:
        ran = attempt.assigned and output.failure.kind is not FailureKind.KILLED
        self.reports.failed(attempt, output.failure, self.now - attempt.assigned if ran else 0.0)

    def _note_sleep(self, attempt: Attempt, output: attempt_events.NoteSleep) -> None:
        self.sleepers += 1
        self.reports.asleep(attempt)

    def _note_end_of_sleep(self, attempt: Attempt, output: attempt_events.NoteEndOfSleep) -> None:
        self.sleepers -= 1
        if output.goes_on:
            self.reports.resumed(attempt)

    def _interrupt(self, attempt: Attempt, output: attempt_events.Interrupt) -> None:
        interpreter = self.interpreters[output.interpreter]
        if len(interpreter.outstanding) == 1:
            self.tell_interpreter(interpreter, EndNeeded(KILLED))
        else:
            # Others are there too: first learn which ones have finished or never started.
            self.tell_interpreter(interpreter, RECALL_NEEDED)


def _preparation(spec: KnownSpec) -> Prepare:
    options = spec.spec
    return Prepare(
        spec.number, spec.code, options.python, options.memory, options.os_env, options.profile
    )


_ATTEMPT_OUTPUTS: dict[type, Callable[[Crew, Attempt, Any], None]] = {
    attempt_events.PutBack: Crew._put_back,
    attempt_events.ReportReturned: Crew._report_returned,
    attempt_events.ReportFailed: Crew._report_failed,
    attempt_events.NoteSleep: Crew._note_sleep,
    attempt_events.NoteEndOfSleep: Crew._note_end_of_sleep,
    attempt_events.Interrupt: Crew._interrupt,
}

_INTERPRETER_OUTPUTS: dict[type, Callable[[int], Effect]] = {
    interpreter_events.SendRecall: RecallInterpreter,
    interpreter_events.SendRevoke: RevokeInterpreter,
    interpreter_events.Kill: KillInterpreter,
}
