"""What each event means to an interpreter in each state; the table at the end is the machine."""

from picloud.statemachine import Step, Table
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import (
    KILL,
    SEND_RECALL,
    SEND_REVOKE,
    CoresBack,
    CoresLent,
    CoresWanted,
    EndNeeded,
    Given,
    InterpreterEvent,
    RecallNeeded,
    Reported,
    RevokeNeeded,
)
from picloud_worker.core.interpreter.states import (
    LENDING,
    WOKEN,
    Busy,
    Ending,
    Idle,
    InterpreterState,
    Lending,
    Recalled,
    Revoked,
    Woken,
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
    return _out_of_work(interpreter, now)


def reported_lending(
    interpreter: Interpreter, state: Lending | Woken, event: Reported, now: float
) -> Step:
    """It answers a recall once more; or its attempt ended, of which only one thread slept."""
    if interpreter.outstanding:
        return Step(state)
    return _out_of_work(interpreter, now)


def _out_of_work(interpreter: Interpreter, now: float) -> Step:
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


def lent(
    interpreter: Interpreter, state: Busy | Recalled | Revoked, event: CoresLent, now: float
) -> Step:
    """Others may run on its cores; it is left in peace until its attempt goes on."""
    return Step(LENDING)


def woken(interpreter: Interpreter, state: Lending, event: CoresWanted, now: float) -> Step:
    """What it waited for is there."""
    return Step(WOKEN)


def resumed(interpreter: Interpreter, state: Woken, event: CoresBack, now: float) -> Step:
    """It is at work again, and its silence counts from here on."""
    return Step(Busy(now))


def ended(
    interpreter: Interpreter, state: Idle | Busy | Recalled | Revoked, event: EndNeeded, now: float
) -> Step:
    """It cannot be trusted, is too much, or runs what must not run."""
    return Step(Ending(event.failure), KILL)


def ended_lending(
    interpreter: Interpreter, state: Lending | Woken, event: EndNeeded, now: float
) -> Step:
    """It dies without its cores: others have them."""
    interpreter.cores = 0
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
        CoresLent: lent,
        EndNeeded: ended,
    },
    Recalled: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: late,
        RevokeNeeded: revoked,
        CoresLent: lent,
        EndNeeded: ended,
    },
    Revoked: {
        Given: got_more,
        Reported: reported,
        RecallNeeded: late,
        RevokeNeeded: late,
        CoresLent: lent,
        EndNeeded: ended,
    },
    Lending: {
        Reported: reported_lending,
        CoresWanted: woken,
        EndNeeded: ended_lending,
    },
    Woken: {
        Reported: reported_lending,
        CoresWanted: late,
        CoresBack: resumed,
        EndNeeded: ended_lending,
    },
    Ending: {
        Given: late,
        Reported: late,
        RecallNeeded: late,
        RevokeNeeded: late,
        EndNeeded: late,
    },
}
