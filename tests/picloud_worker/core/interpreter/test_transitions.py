"""Every cell of an interpreter's table, and how much an interpreter is given."""

from typing import Any

import pytest

from picloud.statemachine import Step, advance
from picloud_worker.core import settings
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.events import (
    CORES_BACK,
    CORES_LENT,
    CORES_WANTED,
    GIVEN,
    KILL,
    RECALL_NEEDED,
    REPORTED,
    REVOKE_NEEDED,
    SEND_RECALL,
    SEND_REVOKE,
    EndNeeded,
    InterpreterEvent,
)
from picloud_worker.core.interpreter.states import (
    LENDING,
    WOKEN,
    Busy,
    Ending,
    Idle,
    InterpreterState,
    Recalled,
    Revoked,
)
from picloud_worker.core.interpreter.transitions import TRANSITIONS
from tests.support.builders import RAISED, an_attempt

NOW = 5.0
IDLE, BUSY, ENDING = Idle(1.0), Busy(2.0), Ending(None)
RECALLED, REVOKED = Recalled(2.0, 3.0), Revoked(2.0, NOW)
END = EndNeeded(RAISED)


def an_interpreter(state: InterpreterState = IDLE, attempts: int = 0) -> Interpreter:
    found = Interpreter(1, an_attempt().spec.key, 0, 0.0)
    found.state = state
    found.outstanding = {n: an_attempt(n) for n in range(1, attempts + 1)}
    return found


def step(interpreter: Interpreter, event: InterpreterEvent) -> Step:
    outputs = advance(interpreter, TRANSITIONS, event, NOW)
    return Step(interpreter.state, *outputs)


@pytest.mark.parametrize(
    ("state", "event", "answer"),
    [
        (IDLE, GIVEN, Step(Busy(NOW))),
        (IDLE, REPORTED, Step(IDLE)),
        (IDLE, RECALL_NEEDED, Step(IDLE)),
        (IDLE, REVOKE_NEEDED, Step(IDLE)),
        (IDLE, END, Step(Ending(RAISED), KILL)),
        (BUSY, GIVEN, Step(BUSY)),
        (BUSY, REPORTED, Step(Busy(NOW))),
        (BUSY, RECALL_NEEDED, Step(Recalled(2.0, NOW), SEND_RECALL)),
        (BUSY, REVOKE_NEEDED, Step(BUSY)),
        (BUSY, END, Step(Ending(RAISED), KILL)),
        (RECALLED, GIVEN, Step(RECALLED)),
        (RECALLED, REPORTED, Step(Busy(NOW))),
        (RECALLED, RECALL_NEEDED, Step(RECALLED)),
        (RECALLED, REVOKE_NEEDED, Step(REVOKED, SEND_REVOKE)),
        (RECALLED, END, Step(Ending(RAISED), KILL)),
        (REVOKED, GIVEN, Step(REVOKED)),
        (REVOKED, REPORTED, Step(Busy(NOW))),
        (REVOKED, RECALL_NEEDED, Step(REVOKED)),
        (REVOKED, REVOKE_NEEDED, Step(REVOKED)),
        (REVOKED, END, Step(Ending(RAISED), KILL)),
        (BUSY, CORES_LENT, Step(LENDING)),
        (RECALLED, CORES_LENT, Step(LENDING)),
        (REVOKED, CORES_LENT, Step(LENDING)),
        (LENDING, REPORTED, Step(LENDING)),
        (LENDING, CORES_WANTED, Step(WOKEN)),
        (LENDING, END, Step(Ending(RAISED), KILL)),
        (WOKEN, REPORTED, Step(WOKEN)),
        (WOKEN, CORES_WANTED, Step(WOKEN)),
        (WOKEN, CORES_BACK, Step(Busy(NOW))),
        (WOKEN, END, Step(Ending(RAISED), KILL)),
        (ENDING, GIVEN, Step(ENDING)),
        (ENDING, REPORTED, Step(ENDING)),
        (ENDING, RECALL_NEEDED, Step(ENDING)),
        (ENDING, REVOKE_NEEDED, Step(ENDING)),
        (ENDING, END, Step(ENDING)),
    ],
    ids=repr,
)
def test_every_cell(state: InterpreterState, event: InterpreterEvent, answer: Step) -> None:
    assert step(an_interpreter(state, attempts=1), event) == answer


@pytest.mark.parametrize("state", [BUSY, RECALLED, REVOKED, LENDING, WOKEN], ids=repr)
def test_with_its_last_report_it_is_idle(state: InterpreterState) -> None:
    assert step(an_interpreter(state), REPORTED) == Step(Idle(NOW))


def test_one_of_single_use_ends_with_its_report() -> None:
    interpreter = an_interpreter(BUSY)
    interpreter.single_use = True
    assert step(interpreter, REPORTED) == Step(Ending(None), KILL)


@pytest.mark.parametrize("state", [LENDING, WOKEN], ids=repr)
def test_one_that_lends_its_cores_dies_without_them(state: InterpreterState) -> None:
    interpreter = an_interpreter(state, attempts=1)
    interpreter.cores = 2
    step(interpreter, END)
    assert interpreter.cores == 0


class TestRoom:
    def room(self, seconds: float | None, attempts: int = 0, **options: Any) -> int:
        interpreter = an_interpreter(BUSY, attempts)
        interpreter.cores = 1
        spec = an_attempt(9, **options).spec
        spec.estimate.seconds = seconds
        return interpreter.room(spec, rank=0)

    def test_one_until_the_run_time_is_known(self) -> None:
        assert (self.room(None), self.room(None, attempts=1)) == (1, 0)

    def test_then_as_many_as_run_within_the_window(self) -> None:
        assert self.room(settings.WINDOW / 8) == 8
        assert self.room(settings.WINDOW / 8, attempts=3) == 5

    def test_one_at_a_time_if_they_are_long(self) -> None:
        assert (self.room(60.0), self.room(60.0, attempts=1)) == (1, 0)

    @pytest.mark.parametrize(
        "options",
        [{"restartable": False}, {"timeout": 9.0}, {"memory": 64}, {"os_env": {"A": "b"}}],
    )
    def test_one_at_a_time_if_it_must_be_known_which_one_runs(
        self, options: dict[str, Any]
    ) -> None:
        assert self.room(0.001, **options) == 1
        assert self.room(0.001, attempts=1, **options) == 0

    def test_none_of_another_width(self) -> None:
        assert self.room(0.001, attempts=1, cores=2) == 0

    def test_none_behind_one_of_another_rank(self) -> None:
        interpreter = an_interpreter(BUSY, attempts=1)
        interpreter.cores = 1
        spec = an_attempt(9).spec
        spec.estimate.seconds = settings.WINDOW / 8
        assert (interpreter.room(spec, rank=0), interpreter.room(spec, rank=1)) == (7, 0)
