"""What each event means to an attempt in each state; the table at the end is the machine."""

from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import Step, Table
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import (
    NOTE_SLEEP,
    PUT_BACK,
    REPORT_RETURNED,
    AttemptEvent,
    Awoke,
    BlobLost,
    Dispatched,
    EnvironmentLost,
    FellAsleep,
    Finished,
    GivenBack,
    HeldUp,
    InterpreterDied,
    Interrupt,
    MadeReady,
    NoteEndOfSleep,
    ReportFailed,
    ResultSpilled,
    StopRequested,
    TakenBack,
)
from picloud_worker.core.attempt.states import (
    OVER,
    UNREADY,
    WAITING,
    Assigned,
    Over,
    Sleeping,
    Stopping,
    Storing,
    Unready,
    Waiting,
)

KILLED = Failure(FailureKind.KILLED, "the job was killed")


def unready(attempt: Attempt, state: Waiting, event: HeldUp, now: float) -> Step:
    """It is told so before it enters the backlog."""
    return Step(UNREADY)


def ready(attempt: Attempt, state: Unready, event: MadeReady, now: float) -> Step:
    """What it needs is here."""
    return Step(WAITING, PUT_BACK)


def in_want(
    attempt: Attempt, state: Unready, event: BlobLost | EnvironmentLost, now: float
) -> Step:
    """It can never run."""
    return Step(OVER, ReportFailed(event.failure))


def dispatched(attempt: Attempt, state: Waiting, event: Dispatched, now: float) -> Step:
    """An interpreter has it now."""
    attempt.assigned = now
    return Step(Assigned(event.interpreter))


def stopped_waiting(
    attempt: Attempt, state: Waiting | Unready, event: StopRequested, now: float
) -> Step:
    """It never started, and will not."""
    return Step(OVER, ReportFailed(KILLED))


def taken_back(attempt: Attempt, state: Waiting | Unready, event: TakenBack, now: float) -> Step:
    """The master finds another place for it."""
    return Step(OVER, REPORT_RETURNED)


def finished(attempt: Attempt, state: Assigned | Stopping, event: Finished, now: float) -> Step:
    """Its end is reported; a stop that came meanwhile has nothing left to stop."""
    return Step(OVER)


def storing(attempt: Attempt, state: Assigned | Stopping, event: ResultSpilled, now: float) -> Step:
    """Its end is reported when the master has the blobs; its interpreter is free for others."""
    return Step(Storing(type(state) is Stopping))


def given_back(attempt: Attempt, state: Assigned, event: GivenBack, now: float) -> Step:
    """It waits for another interpreter."""
    return Step(WAITING, PUT_BACK)


def stopping(attempt: Attempt, state: Assigned, event: StopRequested, now: float) -> Step:
    """It may run at this moment."""
    return Step(Stopping(state.interpreter), Interrupt(state.interpreter))


def died(attempt: Attempt, state: Assigned, event: InterpreterDied, now: float) -> Step:
    """It was what the interpreter died of, or an innocent neighbour that can run again."""
    if event.failure is None:
        return Step(WAITING, PUT_BACK)
    return Step(OVER, ReportFailed(event.failure))


def fell_asleep(attempt: Attempt, state: Assigned, event: FellAsleep, now: float) -> Step:
    """Others run on its cores until what it waits for is there."""
    attempt.converse().asleep_since = now
    return Step(Sleeping(state.interpreter), NOTE_SLEEP)


def awoke(attempt: Attempt, state: Sleeping, event: Awoke, now: float) -> Step:
    """It runs on."""
    return Step(Assigned(state.interpreter), _end_of_sleep(attempt, now, goes_on=True))


def finished_asleep(attempt: Attempt, state: Sleeping, event: Finished, now: float) -> Step:
    """Only one of its threads slept."""
    return Step(OVER, _end_of_sleep(attempt, now, goes_on=False))


def storing_asleep(attempt: Attempt, state: Sleeping, event: ResultSpilled, now: float) -> Step:
    """Only one of its threads slept."""
    return Step(Storing(False), _end_of_sleep(attempt, now, goes_on=False))


def given_back_asleep(attempt: Attempt, state: Sleeping, event: GivenBack, now: float) -> Step:
    """Its interpreter contradicts itself: what it runs is a stranger's code."""
    return Step(WAITING, _end_of_sleep(attempt, now, goes_on=True), PUT_BACK)


def stopping_asleep(attempt: Attempt, state: Sleeping, event: StopRequested, now: float) -> Step:
    """It need not have its cores again to be ended."""
    end = _end_of_sleep(attempt, now, goes_on=False)
    return Step(Stopping(state.interpreter), end, Interrupt(state.interpreter))


def died_asleep(attempt: Attempt, state: Sleeping, event: InterpreterDied, now: float) -> Step:
    """Its interpreter was ended, or another of its threads ended it."""
    if event.failure is None:
        return Step(WAITING, _end_of_sleep(attempt, now, goes_on=True), PUT_BACK)
    end = _end_of_sleep(attempt, now, goes_on=False)
    return Step(OVER, end, ReportFailed(event.failure))


def _end_of_sleep(attempt: Attempt, now: float, *, goes_on: bool) -> NoteEndOfSleep:
    conversation = attempt.converse()
    conversation.slept += now - conversation.asleep_since
    return NoteEndOfSleep(goes_on)


def stopped(
    attempt: Attempt, state: Stopping, event: GivenBack | InterpreterDied, now: float
) -> Step:
    """It runs no more, and nothing that it started does."""
    return Step(OVER, ReportFailed(KILLED))


def stored(attempt: Attempt, state: Storing, event: Finished, now: float) -> Step:
    """Its end is reported: the master keeps the blobs, or has refused them."""
    return Step(OVER)


def stopped_storing(attempt: Attempt, state: Storing, event: StopRequested, now: float) -> Step:
    """There is nothing left to stop, and its end will be told soon."""
    return Step(Storing(True))


def late(attempt: Attempt, state: Stopping | Over, event: AttemptEvent, now: float) -> Step:
    """A stop repeated, or one that crossed the end: nothing changes."""
    return Step(state)


TRANSITIONS: Table = {
    Waiting: {
        HeldUp: unready,
        Dispatched: dispatched,
        StopRequested: stopped_waiting,
        TakenBack: taken_back,
    },
    Unready: {
        MadeReady: ready,
        BlobLost: in_want,
        EnvironmentLost: in_want,
        StopRequested: stopped_waiting,
        TakenBack: taken_back,
    },
    Assigned: {
        Finished: finished,
        ResultSpilled: storing,
        GivenBack: given_back,
        FellAsleep: fell_asleep,
        StopRequested: stopping,
        InterpreterDied: died,
    },
    Sleeping: {
        Finished: finished_asleep,
        ResultSpilled: storing_asleep,
        GivenBack: given_back_asleep,
        Awoke: awoke,
        StopRequested: stopping_asleep,
        InterpreterDied: died_asleep,
    },
    Stopping: {
        Finished: finished,
        ResultSpilled: storing,
        GivenBack: stopped,
        StopRequested: late,
        InterpreterDied: stopped,
    },
    Storing: {
        Finished: stored,
        StopRequested: stopped_storing,
    },
    Over: {
        StopRequested: late,
    },
}
