"""What each word of a running attempt means, by message type.

An attempt speaks to the master through the agent, which does not look into what it says, and
tells the agent when it is going to sleep. Like an interpreter it is a stranger: it may name only
attempts that its interpreter has.
"""

from collections.abc import Callable
from typing import Any

from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.states import Assigned, Sleeping
from picloud_worker.core.crew import Crew
from picloud_worker.core.effects import TellAttempt
from picloud_worker.core.events import AttemptSpoke
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import RECALL_NEEDED
from picloud_worker.core.interpreter.states import Ending
from picloud_worker.pipe.line import Asleep, GoOn, Said, TooDeep, WokeUp


def take(crew: Crew, event: AttemptSpoke) -> None:
    """Carry out what attempts say; those that ended meanwhile, or are to end, are not heard."""
    interpreter = crew.interpreters.get(event.interpreter)
    if interpreter is None or type(interpreter.state) is Ending:
        return
    for message in event.messages:
        attempt = interpreter.outstanding.get(message.sequence)
        if attempt is not None and isinstance(attempt.state, Assigned | Sleeping):
            _HANDLERS[type(message)](crew, interpreter, attempt, message)


def settle_down(crew: Crew) -> None:
    """At the end of a turn: let those sleep that are alone, and free the others of neighbours."""
    for number, attempt in list(crew.dozing.items()):
        interpreter = crew.interpreters.get(number)
        if (
            interpreter is None
            or type(interpreter.state) is Ending
            or type(attempt.state) is not Assigned
            or attempt.sequence not in interpreter.outstanding
        ):
            del crew.dozing[number]  # it came to its end meanwhile
        elif len(interpreter.outstanding) == 1:
            del crew.dozing[number]
            crew.lend(interpreter, attempt)
        else:
            crew.tell_interpreter(interpreter, RECALL_NEEDED)


def _said(crew: Crew, interpreter: Interpreter, attempt: Attempt, message: Said) -> None:
    attempt.converse()  # from here on it is known to do so
    crew.reports.said(attempt, message.frame)


def _asleep(crew: Crew, interpreter: Interpreter, attempt: Attempt, message: Asleep) -> None:
    if type(attempt.state) is Sleeping or attempt.converse().told > message.heard:
        return  # it sleeps already, or will wake at once from what is on its way
    if crew.sleepers + len(crew.dozing) < crew.max_sleepers:
        crew.dozing[interpreter.id] = attempt
        return
    text = (
        f"no more than {crew.max_sleepers} jobs may wait for other jobs at the same time on this "
        "worker, since each of them keeps its process"
    )
    crew.effects.append(TellAttempt(interpreter.id, TooDeep(attempt.sequence, text)))


def _woke_up(crew: Crew, interpreter: Interpreter, attempt: Attempt, message: WokeUp) -> None:
    if type(attempt.state) is Sleeping:
        attempt.converse().wants_word = True
        crew.wake(interpreter)
        return
    if crew.dozing.get(interpreter.id) is attempt:
        del crew.dozing[interpreter.id]
    crew.effects.append(TellAttempt(interpreter.id, GoOn(attempt.sequence)))


_HANDLERS: dict[type, Callable[[Crew, Interpreter, Attempt, Any], None]] = {
    Said: _said,
    Asleep: _asleep,
    WokeUp: _woke_up,
}
