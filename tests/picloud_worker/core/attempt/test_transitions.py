"""Every cell of an attempt's table."""

import pytest

from picloud.statemachine import InvalidTransition, Step, advance
from picloud_worker.core.attempt.events import (
    AWOKE,
    FELL_ASLEEP,
    FINISHED,
    GIVEN_BACK,
    HELD_UP,
    MADE_READY,
    NOTE_SLEEP,
    PUT_BACK,
    REPORT_RETURNED,
    RESULT_SPILLED,
    STOP_REQUESTED,
    TAKEN_BACK,
    AttemptEvent,
    BlobLost,
    Dispatched,
    EnvironmentLost,
    InterpreterDied,
    Interrupt,
    NoteEndOfSleep,
    ReportFailed,
)
from picloud_worker.core.attempt.states import (
    OVER,
    UNREADY,
    WAITING,
    Assigned,
    AttemptState,
    Over,
    Sleeping,
    Stopping,
    Storing,
    Unready,
    Waiting,
)
from picloud_worker.core.attempt.transitions import KILLED, TRANSITIONS
from tests.support.builders import RAISED, an_attempt

EVENTS: list[AttemptEvent] = [
    HELD_UP,
    MADE_READY,
    BlobLost(RAISED),
    Dispatched(3),
    FINISHED,
    RESULT_SPILLED,
    GIVEN_BACK,
    FELL_ASLEEP,
    AWOKE,
    STOP_REQUESTED,
    TAKEN_BACK,
    InterpreterDied(None),
    EnvironmentLost(RAISED),
]
GOES_ON, ENDS = NoteEndOfSleep(True), NoteEndOfSleep(False)

CELLS: dict[tuple[type, type], Step] = {
    (Waiting, type(HELD_UP)): Step(UNREADY),
    (Waiting, Dispatched): Step(Assigned(3)),
    (Waiting, type(STOP_REQUESTED)): Step(OVER, ReportFailed(KILLED)),
    (Waiting, type(TAKEN_BACK)): Step(OVER, REPORT_RETURNED),
    (Unready, type(MADE_READY)): Step(WAITING, PUT_BACK),
    (Unready, BlobLost): Step(OVER, ReportFailed(RAISED)),
    (Unready, EnvironmentLost): Step(OVER, ReportFailed(RAISED)),
    (Unready, type(STOP_REQUESTED)): Step(OVER, ReportFailed(KILLED)),
    (Unready, type(TAKEN_BACK)): Step(OVER, REPORT_RETURNED),
    (Assigned, type(FINISHED)): Step(OVER),
    (Assigned, type(RESULT_SPILLED)): Step(Storing(False)),
    (Assigned, type(GIVEN_BACK)): Step(WAITING, PUT_BACK),
    (Assigned, type(STOP_REQUESTED)): Step(Stopping(3), Interrupt(3)),
    (Assigned, InterpreterDied): Step(WAITING, PUT_BACK),
    (Assigned, type(FELL_ASLEEP)): Step(Sleeping(3), NOTE_SLEEP),
    (Sleeping, type(FINISHED)): Step(OVER, ENDS),
    (Sleeping, type(RESULT_SPILLED)): Step(Storing(False), ENDS),
    (Sleeping, type(GIVEN_BACK)): Step(WAITING, GOES_ON, PUT_BACK),
    (Sleeping, type(AWOKE)): Step(Assigned(3), GOES_ON),
    (Sleeping, type(STOP_REQUESTED)): Step(Stopping(3), ENDS, Interrupt(3)),
    (Sleeping, InterpreterDied): Step(WAITING, GOES_ON, PUT_BACK),
    (Stopping, type(FINISHED)): Step(OVER),
    (Stopping, type(RESULT_SPILLED)): Step(Storing(True)),
    (Stopping, type(GIVEN_BACK)): Step(OVER, ReportFailed(KILLED)),
    (Stopping, type(STOP_REQUESTED)): Step(Stopping(3)),
    (Stopping, InterpreterDied): Step(OVER, ReportFailed(KILLED)),
    (Storing, type(FINISHED)): Step(OVER),
    (Storing, type(STOP_REQUESTED)): Step(Storing(True)),
    (Over, type(STOP_REQUESTED)): Step(OVER),
}


def step(state: AttemptState, event: AttemptEvent) -> Step:
    attempt = an_attempt()
    attempt.state = state
    outputs = advance(attempt, TRANSITIONS, event, 5.0)
    return Step(attempt.state, *outputs)


STATES = [WAITING, UNREADY, Assigned(3), Sleeping(3), Stopping(3), Storing(False), OVER]


@pytest.mark.parametrize("state", STATES, ids=repr)
@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_every_cell(state: AttemptState, event: AttemptEvent) -> None:
    expected = CELLS.get((type(state), type(event)))
    if expected is None:
        with pytest.raises(InvalidTransition):
            step(state, event)
    else:
        assert step(state, event) == expected


def test_what_its_interpreter_died_of_is_its_failure() -> None:
    assert step(Assigned(3), InterpreterDied(RAISED)) == Step(OVER, ReportFailed(RAISED))
    failed = Step(OVER, ENDS, ReportFailed(RAISED))
    assert step(Sleeping(3), InterpreterDied(RAISED)) == failed


def test_one_that_was_to_be_stopped_is_killed_whatever_its_interpreter_died_of() -> None:
    assert step(Stopping(3), InterpreterDied(RAISED)) == Step(OVER, ReportFailed(KILLED))


def test_the_time_that_it_slept_is_added_up() -> None:
    attempt = an_attempt()
    attempt.state = Assigned(3)
    for event, now in [(FELL_ASLEEP, 1.0), (AWOKE, 3.0), (FELL_ASLEEP, 10.0), (FINISHED, 14.0)]:
        advance(attempt, TRANSITIONS, event, now)
    assert attempt.converse().slept == 6.0
