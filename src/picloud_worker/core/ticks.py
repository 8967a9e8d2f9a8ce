"""What the passing of time means for what runs."""

from picloud.protocol.failures import Failure, FailureKind
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import GIVEN_BACK
from picloud_worker.core.attempt.states import Stopping
from picloud_worker.core.attempt.transitions import KILLED
from picloud_worker.core.crew import Crew
from picloud_worker.core.events import Ticked
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import RECALL_NEEDED, REVOKE_NEEDED, EndNeeded
from picloud_worker.core.interpreter.states import Busy, Lending, Recalled, Revoked, Woken

_AT_WORK = Busy | Recalled | Revoked


def take(crew: Crew, event: Ticked) -> None:
    """Look at those that it tells of: busy interpreters, and sleepers with a time limit."""
    for number, running in event.running.items():
        interpreter = crew.interpreters.get(number)
        if interpreter is None:
            continue  # it has ended meanwhile
        if isinstance(interpreter.state, _AT_WORK) and interpreter.outstanding:
            _look_at(crew, interpreter, running)
        elif isinstance(interpreter.state, Lending | Woken):
            for attempt in interpreter.outstanding.values():
                _limit(crew, interpreter, attempt, crew.now - attempt.assigned)


def _look_at(crew: Crew, interpreter: Interpreter, running: int) -> None:
    attempt = interpreter.outstanding.get(running)
    if attempt is not None:
        _account(crew, interpreter, attempt)
        if type(interpreter.state) is not Busy and type(attempt.state) is Stopping:
            # Its neighbours have been given back or are about to be: it is clear who must die.
            crew.tell_interpreter(interpreter, EndNeeded(KILLED))
    interpreter.seen_running = running
    if len(interpreter.outstanding) > 1:
        _free_neighbours(crew, interpreter, running)


def _free_neighbours(crew: Crew, interpreter: Interpreter, running: int) -> None:
    """See that attempts are not stuck behind one that takes long: ask, then insist, then take."""
    state = interpreter.state
    if type(state) is Busy and crew.now - state.heard > settings.SILENCE:
        crew.tell_interpreter(interpreter, RECALL_NEEDED)
    elif type(state) is Recalled and crew.now - state.since > settings.PATIENCE:
        crew.tell_interpreter(interpreter, REVOKE_NEEDED)
    elif type(state) is Revoked and crew.now - state.since >= settings.TICK:
        # It starts nothing any more, so what runs now is the last one until it has spoken. Those
        # before it have finished, and will be reported then.
        sequences = list(interpreter.outstanding)
        if running in interpreter.outstanding:
            for sequence in reversed(sequences[sequences.index(running) + 1 :]):
                attempt = interpreter.outstanding.pop(sequence)
                # It will give back the old number some day, when the attempt may be here again.
                attempt.sequence = crew.next_sequence()
                crew.tell_attempt(attempt, GIVEN_BACK)


def _account(crew: Crew, interpreter: Interpreter, attempt: Attempt) -> None:
    """Take note of how long an attempt has run at least; end it if that is too long."""
    if len(interpreter.outstanding) == 1:
        seconds = crew.now - _runs_since(interpreter, attempt)
    elif interpreter.seen_running == attempt.sequence:
        seconds = settings.TICK
    else:
        return
    worked = seconds
    if attempt.conversation is not None and attempt.spec.spec.runs_alone:
        worked -= attempt.conversation.slept
    if worked >= settings.TICK:
        attempt.spec.estimate.learn_at_least(worked)
        interpreter.longest = max(interpreter.longest, worked)
        if not attempt.reported_started:
            attempt.reported_started = True
            # Once only: short jobs that stream beside it must be able to widen the window again.
            crew.overall.learn_at_least(worked)
            crew.reports.started(attempt)
    _limit(crew, interpreter, attempt, seconds)


def _limit(crew: Crew, interpreter: Interpreter, attempt: Attempt, seconds: float) -> None:
    """End an attempt that has been under way for too long, asleep or not."""
    limit = attempt.spec.spec.timeout
    if limit and seconds > limit:
        text = f"the job ran longer than its limit of {limit:g} s and was ended"
        crew.tell_interpreter(interpreter, EndNeeded(Failure(FailureKind.RUNTIME, text)))


def _runs_since(interpreter: Interpreter, attempt: Attempt) -> float:
    state = interpreter.state
    if isinstance(state, _AT_WORK) and not attempt.spec.spec.runs_alone:
        # It may have waited behind others, whose ends were reported since it was assigned.
        return max(attempt.assigned, state.heard)
    return attempt.assigned
