"""What each event means to an interpreter in each state; the table at the end is the machine."""

from picloud.statemachine import Step, Table
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import (
    KILL,
    SEND_RECALL,
    EndNeeded,
    Given,
    InterpreterEvent,
    RecallNeeded,
    Reported,
)
from picloud_worker.core.interpreter.states import Busy, Ending, Idle, Recalled


def began(interpreter: Interpreter, state: Idle, event: Given, now: float) -> Step:
    """From here on its silence counts."""
    return Step(Busy(now))


def got_more(interpreter: Interpreter, state: Busy | Recalled, event: Given, now: float) -> Step:
    """What it has grew; whether it is silent does not depend on that."""
    return Step(state)


def reported(interpreter: Interpreter, state: Busy | Recalled, event: Reported, now: float) -> Step:
    """It goes on with the rest, waits for more, or has served its purpose."""
    if interpreter.outstanding:
        return Step(Busy(now))
    interpreter.longest = 0.0
    if interpreter.single_use:
        return Step(Ending(None), KILL)
    interpreter.cores = 0
    return Step(Idle(now))


def recalled(interpreter: Interpreter, state: Busy, event: RecallNeeded, now: float) -> Step:
    """Several attempts wait behind one that takes long, or one of them must not run."""
    return Step(Recalled(state.heard), SEND_RECALL)


def ended(
    interpreter: Interpreter, state: Idle | Busy | Recalled, event: EndNeeded, now: float
) -> Step:
    """It cannot be trusted, is too much, or runs what must not run."""
    return Step(Ending(event.failure), KILL)


def late(
    interpreter: Interpreter, state: Idle | Recalled | Ending, event: InterpreterEvent, now: float
) -> Step:
    """It is dying already, was recalled already, or spoke once more after its last attempt."""
    return Step(state)


TRANSITIONS: Table = {
    Idle: {
        Given: began,
        Reported: late,
        RecallNeeded: late,
        EndNeeded: ended,
    },
    Busy: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: recalled,
        EndNeeded: ended,
    },
    Recalled: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: late,
        EndNeeded: ended,
    },
    Ending: {
        Given: late,
        Reported: late,
        RecallNeeded: late,
        EndNeeded: late,
    },
}
