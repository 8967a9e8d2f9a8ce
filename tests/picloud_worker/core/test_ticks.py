"""What the passing of time means: long jobs, silent interpreters, time limits."""

from picloud.protocol import worker_messages as report
from picloud.protocol.failures import FailureKind
from picloud_worker.core import settings
from picloud_worker.core.effects import (
    Effect,
    KillInterpreter,
    RecallInterpreter,
    RevokeInterpreter,
)
from tests.support.builders import Node, asked, told

TICK = settings.TICK


def after(node: Node, seconds: float, **running: int) -> list[Effect]:
    node.now += seconds
    return node.ticks(**running)


def test_a_job_that_is_not_known_to_be_short_is_reported_at_once() -> None:
    node = Node()
    turn = node.runs(1)
    assert [one.jids for one in told(turn, report.AttemptsStarted)] == [[1]]
    assert told(after(node, TICK, i1=1), report.AttemptsStarted) == []


def test_a_job_that_runs_for_a_while_is_reported_once() -> None:
    node = Node()
    node.learns(0.001)
    assert told(node.runs(1), report.AttemptsStarted) == []
    turn = after(node, TICK, i1=1)
    assert [one.jids for one in told(turn, report.AttemptsStarted)] == [[1]]
    assert told(after(node, TICK, i1=1), report.AttemptsStarted) == []


def test_a_job_among_neighbours_is_reported_when_two_ticks_saw_it_run() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2)
    assert told(after(node, TICK, i1=1), report.AttemptsStarted) == []
    turn = after(node, TICK, i1=1)
    assert [one.jids for one in told(turn, report.AttemptsStarted)] == [[1]]


def test_a_silent_interpreter_with_several_jobs_is_recalled_once() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2)
    assert asked(after(node, TICK, i1=1), RecallInterpreter) == []
    assert asked(after(node, TICK, i1=1), RecallInterpreter) == [RecallInterpreter(1)]
    assert asked(after(node, TICK, i1=1), RecallInterpreter) == []


def test_an_interpreter_that_reports_or_has_one_job_is_not_recalled() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2, 3)
    node.now += TICK
    node.returns(1, 1)
    assert asked(after(node, TICK, i1=2), RecallInterpreter) == []
    node.returns(1, 2)
    assert asked(after(node, 9.0, i1=3), RecallInterpreter) == []


def test_a_long_job_shrinks_the_windows_before_it_ends() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1)
    turn = after(node, 1.0, i1=1)
    assert told(turn, report.SetWindow) == [report.SetWindow(1)]
    node.runs(2)
    assert node.given(1) == [1]


def test_waiting_behind_others_is_no_run_time() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2)
    node.now += 0.9 * TICK
    node.returns(1, 1)
    assert told(after(node, 0.2 * TICK, i1=2), report.AttemptsStarted) == []


def test_a_job_over_its_time_limit_is_ended() -> None:
    node = Node()
    node.runs(1, timeout=2.0)
    assert asked(after(node, 1.9, i1=1), KillInterpreter) == []
    assert asked(after(node, 0.2, i1=1), KillInterpreter) == [KillInterpreter(1)]
    (failed,) = told(node.dies(1, running=1), report.AttemptFailed)
    assert failed.failure.kind is FailureKind.RUNTIME
    assert "2 s" in failed.failure.message


def test_one_that_finished_unreported_when_its_time_was_up_is_not_run_again() -> None:
    node = Node()
    node.runs(1, timeout=2.0)
    after(node, 2.1, i1=1)
    (failed,) = told(node.dies(1, running=0), report.AttemptFailed)
    assert failed.failure.kind is FailureKind.RUNTIME


def test_an_idle_interpreter_is_left_in_peace() -> None:
    node = Node()
    node.runs(1)
    node.returns(1, 1)
    assert node.agent.busy_interpreters() == []
    assert after(node, 99.0, i1=0) == []


def test_neighbours_of_a_job_that_hears_no_signal_are_taken_from_it() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2, 3)
    assert asked(after(node, 2 * TICK, i1=1), RecallInterpreter) == [RecallInterpreter(1)]
    assert asked(after(node, settings.PATIENCE, i1=1), RevokeInterpreter) == []
    assert asked(after(node, TICK, i1=1), RevokeInterpreter) == [RevokeInterpreter(1)]
    assert node.given(1) == [1, 2, 3]
    after(node, TICK, i1=1)
    assert node.given(1) == [1]


def test_an_interpreter_that_a_tick_does_not_tell_of_is_left_in_peace() -> None:
    node = Node()
    node.runs(1, timeout=2.0)
    assert after(node, 2.1) == []
    assert asked(after(node, TICK, i1=1), KillInterpreter) == [KillInterpreter(1)]
