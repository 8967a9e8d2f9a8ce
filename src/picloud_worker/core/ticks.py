"""What the passing of time means for what runs."""

from picloud.protocol.failures import Failure, FailureKind
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.states import Stopping
from picloud_worker.core.attempt.transitions import KILLED
from picloud_worker.core.crew import Crew
from picloud_worker.core.events import Ticked
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import RECALL_NEEDED, EndNeeded
from picloud_worker.core.interpreter.states import Busy, Recalled


def take(crew: Crew, event: Ticked) -> None:
    """Look at every busy interpreter."""
    for interpreter in list(crew.interpreters.values()):
        if isinstance(interpreter.state, Busy | Recalled) and interpreter.outstanding:
            _look_at(crew, interpreter, event.running.get(interpreter.id, 0))


def _look_at(crew: Crew, interpreter: Interpreter, running: int) -> None:
    alone = len(interpreter.outstanding) == 1
    attempt = interpreter.outstanding.get(running)
    if attempt is not None:
        _account(crew, interpreter, attempt, alone)
        # Its neighbours have been given back or are about to be: now it is clear who must die.
        if type(interpreter.state) is Recalled and type(attempt.state) is Stopping:
            crew.tell_interpreter(interpreter, EndNeeded(KILLED))
    interpreter.seen_running = running
    state = interpreter.state
    if type(state) is Busy and not alone and crew.now - state.heard > settings.SILENCE:
        crew.tell_interpreter(interpreter, RECALL_NEEDED)


def _account(crew: Crew, interpreter: Interpreter, attempt: Attempt, alone: bool) -> None:
    """Take note of how long an attempt has run at least; end it if that is too long."""
    if alone:
        seconds = crew.now - _runs_since(interpreter, attempt)
    elif interpreter.seen_running == attempt.sequence:
        seconds = settings.TICK
    else:
        return
    if seconds >= settings.TICK:
        attempt.spec.estimate.learn_at_least(seconds)
        crew.overall.learn_at_least(seconds)
        interpreter.longest = max(interpreter.longest, seconds)
        if not attempt.reported_started:
            attempt.reported_started = True
            crew.reports.started(attempt)
    limit = attempt.spec.spec.timeout
    if limit and seconds > limit:
        text = f"the job ran longer than its limit of {limit:g} s and was ended"
        crew.tell_interpreter(interpreter, EndNeeded(Failure(FailureKind.RUNTIME, text)))


def _runs_since(interpreter: Interpreter, attempt: Attempt) -> float:
    state = interpreter.state
    if isinstance(state, Busy | Recalled) and not attempt.spec.spec.runs_alone:
        # It may have waited behind others, whose ends were reported since it was assigned.
        return max(attempt.assigned, state.heard)
    return attempt.assigned
