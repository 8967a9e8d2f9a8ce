"""What each event means to an interpreter in each state; the table at the end is the machine."""

from picloud.statemachine import Step, Table
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import (
    KILL,
    SEND_RECALL,
    SEND_REVOKE,
    EndNeeded,
    Given,
    InterpreterEvent,
    RecallNeeded,
    Reported,
    RevokeNeeded,
)
from picloud_worker.core.interpreter.states import (
    Busy,
    Ending,
    Idle,
    InterpreterState,
    Recalled,
    Revoked,
)


def began(interpreter: Interpreter, state: Idle, event: Given, now: float) -> Step:
    """From here on its silence counts."""
    return Step(Busy(now))


def got_more(
    interpreter: Interpreter, state: Busy | Recalled | Revoked, event: Given, now: float
) -> Step:
    """What it has grew; whether it is silent does not depend on that."""
    return Step(state)


def reported(
    interpreter: Interpreter, state: Busy | Recalled | Revoked, event: Reported, now: float
) -> Step:
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
    return Step(Recalled(state.heard, now), SEND_RECALL)


def revoked(interpreter: Interpreter, state: Recalled, event: RevokeNeeded, now: float) -> Step:
    """The signal does not reach it: its job is deep in C, or has blocked or ignored it."""
    return Step(Revoked(state.heard, now), SEND_REVOKE)


def ended(
    interpreter: Interpreter, state: Idle | Busy | Recalled | Revoked, event: EndNeeded, now: float
) -> Step:
    """It cannot be trusted, is too much, or runs what must not run."""
    return Step(Ending(event.failure), KILL)


def late(
    interpreter: Interpreter, state: InterpreterState, event: InterpreterEvent, now: float
) -> Step:
    """It is dying, was asked already, has spoken meanwhile, or once more after its last attempt."""
    return Step(state)


TRANSITIONS: Table = {
    Idle: {
        Given: began,
        Reported: late,
        RecallNeeded: late,
        RevokeNeeded: late,
        EndNeeded: ended,
    },
    Busy: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: recalled,
        RevokeNeeded: late,
        EndNeeded: ended,
    },
    Recalled: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: late,
        RevokeNeeded: revoked,
        EndNeeded: ended,
    },
    Revoked: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: late,
        RevokeNeeded: late,
        EndNeeded: ended,
    },
    Ending: {
        Given: late,
        Reported: late,
        RecallNeeded: late,
        RevokeNeeded: late,
        EndNeeded: late,
    },
}
