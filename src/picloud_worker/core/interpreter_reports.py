"""What each message of an interpreter means, by message type.

The interpreter runs a stranger's code: it may name only attempts that it has; what it says of
others changes nothing.
"""

from collections.abc import Callable
from itertools import repeat
from typing import Any

from picloud.protocol.payloads import is_spilled
from picloud_worker.core import following, results
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import FINISHED, GIVEN_BACK
from picloud_worker.core.attempt.states import Stopping
from picloud_worker.core.attempt.transitions import KILLED
from picloud_worker.core.blobs import Result
from picloud_worker.core.crew import Crew
from picloud_worker.core.events import InterpreterSaid, Output
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import REPORTED, EndNeeded
from picloud_worker.pipe.messages import Dirty, GaveBack, Raised, Returned, Wrote


def take(crew: Crew, event: InterpreterSaid) -> None:
    """Carry out what an interpreter says, then look at what it has left."""
    interpreter = crew.interpreters.get(event.interpreter)
    if interpreter is None:
        return  # its end was reported before its last words
    if not interpreter.has_spoken:
        interpreter.has_spoken = True
        crew.failed_starts = 0  # an interpreter that started long ago proves nothing
    for message in event.messages:
        _HANDLERS[type(message)](crew, interpreter, message)
    crew.tell_interpreter(interpreter, REPORTED)
    left = interpreter.outstanding
    if left and all(type(attempt.state) is Stopping for attempt in left.values()):
        crew.tell_interpreter(interpreter, EndNeeded(KILLED))


def _returned(crew: Crew, interpreter: Interpreter, message: Returned) -> None:
    outstanding, reports, tell = interpreter.outstanding, crew.reports, crew.tell_attempt
    attempt = None
    slept = 0.0
    handles = message.handles if message.handles is not None else repeat(None)
    have_blobs, usage = message.spilled, message.usage
    columns = zip(message.sequences, message.results, message.runtimes, handles, strict=False)
    for sequence, result, runtime, named in columns:
        attempt = outstanding.pop(sequence, None)
        if attempt is not None:
            if have_blobs and is_spilled(result):
                results.store(crew, attempt, Result(result, runtime, named, usage))
            else:
                reports.done(attempt, result, runtime, named, usage)
                if crew.followers:
                    following.lead(crew, attempt, result)
                tell(attempt, FINISHED)
            if attempt.conversation is not None:
                slept += attempt.conversation.slept
    if attempt is not None:
        # A batch is of one spec nearly always, and an estimate need not be exact.
        _learn(crew, attempt, sum(message.runtimes) - slept, len(message.runtimes))
        _keep_core(crew, interpreter, attempt)


def _learn(crew: Crew, attempt: Attempt, seconds: float, count: int) -> None:
    attempt.spec.estimate.learn(seconds, count)
    crew.overall.learn(seconds, count)


def _keep_core(crew: Crew, interpreter: Interpreter, ended: Attempt) -> None:
    """The job that has waited for this one, if it sleeps here, is about to go on."""
    if ended.rank and crew.sleepers and not interpreter.outstanding:
        crew.pools[interpreter.pool].reserve(ended.rank, crew.now)


def _raised(crew: Crew, interpreter: Interpreter, message: Raised) -> None:
    attempt = interpreter.outstanding.pop(message.sequence, None)
    if attempt is not None:
        crew.reports.failed(attempt, message.failure, message.runtime, message.usage)
        crew.tell_attempt(attempt, FINISHED)
        slept = attempt.conversation.slept if attempt.conversation is not None else 0.0
        _learn(crew, attempt, message.runtime - slept, 1)
        _keep_core(crew, interpreter, attempt)


def _wrote(crew: Crew, interpreter: Interpreter, message: Wrote) -> None:
    attempt = interpreter.outstanding.get(message.sequence)
    if attempt is not None:
        crew.reports.output(attempt, Output(message.stdout, message.stderr, message.logging))


def _gave_back(crew: Crew, interpreter: Interpreter, message: GaveBack) -> None:
    for sequence in message.sequences:
        attempt = interpreter.outstanding.pop(sequence, None)
        if attempt is not None:
            crew.tell_attempt(attempt, GIVEN_BACK)


def _dirty(crew: Crew, interpreter: Interpreter, message: Dirty) -> None:
    crew.tell_interpreter(interpreter, EndNeeded(None))


_HANDLERS: dict[type, Callable[[Crew, Interpreter, Any], None]] = {
    Returned: _returned,
    Raised: _raised,
    Wrote: _wrote,
    GaveBack: _gave_back,
    Dirty: _dirty,
}
