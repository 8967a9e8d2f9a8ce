"""Turns of a worker's agent."""

from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import ForgetSpec
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud.protocol.jobs import SlotPool
from picloud_worker.core import settings
from picloud_worker.core.effects import (
    FetchOutput,
    KillInterpreter,
    RecallInterpreter,
    StartInterpreter,
)
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.core.events import Exit, InterpreterExited, Output, OutputFetched
from picloud_worker.core.interpreter.states import Ending
from picloud_worker.pipe import messages as pipe
from tests.support.builders import RAISED, Node, asked, sent, told

SHORT = settings.WINDOW / 4


def a_busy_node(*jids: int, runtime: float = SHORT) -> Node:
    """One core whose interpreter 1 has these short jobs."""
    node = Node()
    node.learns(runtime)
    node.runs(*jids)
    assert node.given(1) == list(jids)
    return node


class TestGiving:
    def test_a_first_job_starts_an_interpreter_and_prepares_it(self) -> None:
        turn = Node().runs(1, payload=b"arguments")
        assert asked(turn, StartInterpreter) == [StartInterpreter(1, b"", "ann")]
        assert [one.code for one in sent(turn, pipe.Prepare)] == [b"code"]
        assert sent(turn, pipe.RunAttempts) == [pipe.RunAttempts(1, [1], [b"arguments"])]

    def test_one_at_a_time_until_the_run_time_is_known_then_what_fits_the_window(self) -> None:
        node = Node()
        node.runs(1, 2, 3, 4, 5, 6, 7)
        assert node.given(1) == [1]
        node.returns(1, 1, runtime=SHORT)
        assert node.given(1) == [2, 3, 4, 5]
        node.returns(1, 2, runtime=SHORT)
        assert node.given(1) == [3, 4, 5, 6]

    def test_long_jobs_are_given_one_at_a_time(self) -> None:
        node = Node()
        node.runs(1, 2, 3)
        node.returns(1, 1, runtime=60.0)
        assert node.given(1) == [2]

    def test_what_waits_is_shared_out_between_the_cores(self) -> None:
        node = Node(cores=2)
        node.learns(SHORT)
        node.runs(1, 2, 3, 4)
        assert (node.given(1), node.given(2)) == ([1, 2], [3, 4])

    def test_no_more_interpreters_are_busy_than_there_are_cores(self) -> None:
        node = Node(cores=3)
        node.runs(1, 2, cores=2)
        assert list(node.crew.interpreters) == [1]
        node.returns(1, 1)
        assert node.given(1) == [2]

    def test_jobs_go_by_priority(self) -> None:
        node = Node()
        node.runs(1)
        node.runs(2, priority=5)
        node.runs(3, priority=1)
        node.returns(1, 1, runtime=60.0)
        assert node.given(1) == [3]

    def test_each_pool_runs_its_own_core_types(self) -> None:
        node = Node(pools=[SlotPool(["c1"], 1), SlotPool(["m1"], 1)])
        node.runs(1, 2)
        node.runs(3, core_type="m1")
        assert (node.given(1), node.given(2)) == ([1], [3])

    def test_large_arguments_are_cut_into_several_messages(self) -> None:
        node = Node()
        node.learns(SHORT)
        turn = node.runs(1, 2, 3, payload=b"x" * 600_000)
        assert [one.sequences for one in sent(turn, pipe.RunAttempts)] == [[2], [3], [4]]

    @pytest.mark.parametrize("options", [{"core_type": "m1"}, {"cores": 2}])
    def test_an_order_that_fits_no_pool_is_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(UnfitOrderError):
            Node().runs(1, **options)

    def test_an_order_that_no_master_gives_is_refused(self) -> None:
        with pytest.raises(UnfitOrderError):
            Node().master(report.SetWindow(1))
        with pytest.raises(UnfitOrderError):
            Node().master(report.RunJobs(SpecNumber(1), Fence(1), [JobId(1)], [b""]))


class TestReporting:
    def test_results_of_one_turn_leave_together(self) -> None:
        node = a_busy_node(1, 2)
        (done,) = told(node.returns(1, 1, 2), report.AttemptsDone)
        assert (done.jids, done.fences, done.results) == ([1, 2], [1, 1], [b"r", b"r"])

    def test_large_results_leave_in_several_messages(self) -> None:
        node = a_busy_node(1, 2)
        large = b"x" * 600_000
        turn = node.says(1, pipe.Returned([2, 3], [large, large], [0.1, 0.1]))
        assert [one.jids for one in told(turn, report.AttemptsDone)] == [[1], [2]]

    def test_output_is_told_before_the_end_of_the_attempt_that_wrote_it(self) -> None:
        node = Node()
        node.runs(1)
        turn = node.says(1, pipe.Wrote(1, "out", "", ""), pipe.Raised(1, RAISED, 0.1))
        kinds = [type(one) for one in told(turn, object)]
        assert kinds[:2] == [report.OutputRead, report.AttemptFailed]

    def test_an_interpreter_speaks_only_for_attempts_that_it_has(self) -> None:
        node = Node(cores=2)
        node.runs(1, 2)
        foreign = node.sequences[2]
        turn = node.says(
            1,
            pipe.Returned([foreign], [b"forged"], [0.1]),
            pipe.Raised(foreign, RAISED, 0.1),
            pipe.Wrote(foreign, "x", "", ""),
            pipe.GaveBack([foreign]),
        )
        assert told(turn, object) == []
        assert node.given(2) == [2]

    def test_the_master_hears_of_a_window_that_follows_the_run_time(self) -> None:
        node = Node()
        node.runs(1, 2)
        turn = node.returns(1, 1, runtime=0.001)
        assert told(turn, report.SetWindow) == [report.SetWindow(80)]
        assert told(node.returns(1, 2, runtime=0.001), report.SetWindow) == []


class TestStopping:
    def test_a_waiting_job_ends_at_once(self) -> None:
        node = Node()
        node.runs(1, 2)
        turn = node.stops(2)
        assert [one.failure.kind for one in told(turn, report.AttemptFailed)] == [
            FailureKind.KILLED
        ]
        assert asked(turn, KillInterpreter) == []

    def test_a_job_that_runs_alone_ends_with_its_interpreter(self) -> None:
        node = Node()
        node.runs(1)
        turn = node.stops(1)
        assert asked(turn, KillInterpreter) == [KillInterpreter(1)]
        assert told(turn, report.AttemptFailed) == []
        (failed,) = told(node.dies(1, running=1), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.KILLED

    def test_a_neighbour_of_the_running_job_is_recalled_and_harms_nobody(self) -> None:
        node = a_busy_node(1, 2, 3)
        turn = node.stops(2)
        assert asked(turn, RecallInterpreter) == [RecallInterpreter(1)]
        assert asked(turn, KillInterpreter) == []
        turn = node.gives_back(1, 2, 3)
        assert [one.jid for one in told(turn, report.AttemptFailed)] == [2]
        assert node.given(1) == [1, 3]

    def test_a_running_job_with_neighbours_ends_once_they_are_safe(self) -> None:
        node = a_busy_node(1, 2, 3)
        assert asked(node.stops(1), RecallInterpreter) == [RecallInterpreter(1)]
        assert asked(node.gives_back(1, 2, 3), KillInterpreter) == [KillInterpreter(1)]
        turn = node.dies(1, running=1)
        assert [one.jid for one in told(turn, report.AttemptFailed)] == [1]
        assert node.given(2) == [2, 3]

    def test_a_running_job_that_does_not_heed_the_recall_dies_at_the_next_tick(self) -> None:
        node = a_busy_node(1, 2, 3)
        node.stops(1)
        assert asked(node.ticks(i1=1), KillInterpreter) == [KillInterpreter(1)]
        node.dies(1, running=1)
        assert node.given(2) == [2, 3]

    def test_a_stop_with_another_fence_or_of_an_unknown_job_is_late(self) -> None:
        node = Node()
        node.runs(1)
        order = report.StopAttempts([JobId(1), JobId(7)], [Fence(9), Fence(1)])
        assert node.master(order) == []

    def test_a_stop_that_crosses_the_end_changes_nothing(self) -> None:
        node = a_busy_node(1, 2)
        node.stops(1)
        turn = node.returns(1, 1, 2)
        assert [one.jids for one in told(turn, report.AttemptsDone)] == [[1, 2]]
        assert node.stops(1) == []


class TestDeaths:
    def test_the_running_job_failed_finished_and_unstarted_ones_run_again(self) -> None:
        node = a_busy_node(1, 2, 3)
        turn = node.dies(1, running=2)
        assert [one.jid for one in told(turn, report.AttemptFailed)] == [2]
        assert asked(turn, StartInterpreter) == [StartInterpreter(2, b"", "ann")]
        assert node.given(2) == [1, 3]

    @pytest.mark.parametrize(
        ("exit_", "kind"),
        [
            (Exit(3), FailureKind.EXIT),
            (Exit(None, 11), FailureKind.SIGNAL),
            (Exit(None, 9, out_of_memory=True), FailureKind.MEMORY),
        ],
    )
    def test_the_failure_tells_how_the_process_ended(self, exit_: Exit, kind: FailureKind) -> None:
        node = Node()
        node.runs(1)
        (failed,) = told(node.dies(1, running=1, exit_=exit_), report.AttemptFailed)
        assert failed.failure.kind is kind

    def test_what_the_running_job_had_written_is_told(self) -> None:
        node = Node()
        node.runs(1)
        turn = node.hears(InterpreterExited(1, Exit(3), 1, Output("last words")))
        assert [one.stdout for one in told(turn, report.OutputRead)] == ["last words"]

    def test_a_job_of_unknown_fate_that_may_not_run_twice_is_not_run_again(self) -> None:
        node = Node()
        node.runs(1, restartable=False)
        (failed,) = told(node.dies(1, running=0), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.WORKER_LOST
        assert node.crew.attempts == {}

    def test_one_that_surely_never_started_is(self) -> None:
        node = Node()
        node.runs(1, restartable=False)
        node.dies(1, exit_=Exit(None, text="no memory"))
        assert node.given(2) == [1]

    def test_failed_starts_are_given_up_after_three(self) -> None:
        node = Node()
        node.runs(1)
        assert told(node.dies(1, exit_=Exit(1)), report.AttemptFailed) == []
        assert told(node.dies(2, exit_=Exit(1)), report.AttemptFailed) == []
        (failed,) = told(node.dies(3, exit_=Exit(1)), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.EXIT

    def test_an_older_interpreter_at_work_does_not_hide_failed_starts(self) -> None:
        node = Node(cores=2)
        node.learns(60.0)
        node.runs(1, 2)
        for number in (2, 3):
            node.says(1, pipe.Wrote(node.sequences[1], "alive", "", ""))
            assert told(node.dies(number, exit_=Exit(1)), report.AttemptFailed) == []
        assert len(told(node.dies(4, exit_=Exit(1)), report.AttemptFailed)) == 1

    def test_neighbours_in_an_interpreter_that_did_start_are_not_given_up(self) -> None:
        node = Node(cores=2)
        node.learns(SHORT)
        node.runs(1, 2, 3, 4)
        for number in (2, 3):
            node.dies(number, exit_=Exit(1))
        node.crew.failed_starts = settings.MAX_FAILED_STARTS
        turn = node.dies(1, running=node.given(1)[0])
        assert len(told(turn, report.AttemptFailed)) == 1

    def test_last_words_after_the_end_are_ignored(self) -> None:
        node = Node()
        node.runs(1)
        node.dies(1, running=1)
        assert node.says(1, pipe.GaveBack([1])) == []


class TestInterpreters:
    def test_one_that_litters_is_ended_and_its_innocents_run_elsewhere(self) -> None:
        node = a_busy_node(1, 2)
        turn = node.says(1, pipe.Dirty("a thread"))
        assert asked(turn, KillInterpreter) == [KillInterpreter(1)]
        node.dies(1)
        assert node.given(2) == [1, 2]

    def test_a_job_that_wants_its_own_gets_a_fresh_one_that_ends_with_it(self) -> None:
        node = Node()
        node.learns(SHORT)
        node.runs(1, kill_process=True)
        assert node.given(2) == [1]
        turn = node.returns(2, 1)
        assert asked(turn, KillInterpreter) == [KillInterpreter(2)]

    def test_its_cores_are_free_only_when_it_is_dead(self) -> None:
        node = Node()
        node.runs(1, 2, kill_process=True)
        node.returns(1, 1)
        assert list(node.crew.interpreters) == [1]
        node.dies(1)
        assert node.given(2) == [2]

    def test_idle_ones_beyond_the_spare_are_ended_the_longest_idle_first(self) -> None:
        node = Node()
        for number in range(1, settings.SPARE_INTERPRETERS + 1):
            node.now += 1.0
            node.runs(number, python=f"3.{number}")
            node.returns(number, number)
        turn = node.runs(99, python="3.99")
        assert asked(turn, KillInterpreter) == [KillInterpreter(1)]
        assert type(node.crew.interpreters[1].state) is Ending

    def test_none_serves_two_owners_or_pythons(self) -> None:
        node = Node()
        node.runs(1)
        node.returns(1, 1)
        node.runs(2, python="3.13")
        assert node.given(2) == [2]


class TestOutput:
    def test_output_of_a_job_at_an_interpreter_is_fetched(self) -> None:
        node = Node()
        node.runs(1)
        turn = node.master(report.ReadOutput(JobId(1), Fence(1)))
        assert asked(turn, FetchOutput) == [FetchOutput(1, 1)]
        (read,) = told(node.hears(OutputFetched(1, 1, Output("so far"))), report.OutputRead)
        assert read.stdout == "so far"

    def test_a_waiting_job_has_none(self) -> None:
        node = Node()
        node.runs(1, 2)
        turn = node.master(report.ReadOutput(JobId(2), Fence(1)))
        assert [one.stdout for one in told(turn, report.OutputRead)] == [""]

    def test_a_job_that_has_moved_meanwhile_still_owes_the_answer(self) -> None:
        node = a_busy_node(1, 2)
        node.master(report.ReadOutput(JobId(2), Fence(1)))
        node.dies(1, running=1)
        assert node.given(2) == [2]
        turn = node.hears(OutputFetched(1, node.sequences[2], Output()))
        assert [one.jid for one in told(turn, report.OutputRead)] == [2]

    def test_an_ended_job_is_silent(self) -> None:
        node = Node()
        node.runs(1)
        node.returns(1, 1)
        assert node.master(report.ReadOutput(JobId(1), Fence(1))) == []
        assert node.hears(OutputFetched(1, 1, Output("late"))) == []


class TestTakingBack:
    def test_what_would_run_last_is_given_back(self) -> None:
        node = Node()
        node.runs(1, 2, 3, 4)
        turn = node.master(report.TakeBack(2))
        assert [one.jids for one in told(turn, report.AttemptsReturned)] == [[4, 3]]

    def test_with_nothing_unstarted_the_answer_is_empty(self) -> None:
        node = Node()
        node.runs(1)
        turn = node.master(report.TakeBack(2))
        assert told(turn, report.AttemptsReturned) == [report.AttemptsReturned([], [])]

    def test_while_jobs_wait_in_an_interpreter_the_answer_waits(self) -> None:
        node = a_busy_node(1, 2, 3)
        assert told(node.master(report.TakeBack(2)), report.AttemptsReturned) == []
        turn = node.returns(1, 1, 2)
        assert told(turn, report.AttemptsReturned) == [report.AttemptsReturned([], [])]

    def test_neighbours_of_a_long_job_are_given_back_once_recalled(self) -> None:
        node = a_busy_node(1, 2, 3)
        node.master(report.TakeBack(2))
        node.now += settings.SILENCE / 2
        node.ticks(i1=1)
        node.now += settings.SILENCE
        assert asked(node.ticks(i1=1), RecallInterpreter) == [RecallInterpreter(1)]
        turn = node.gives_back(1, 2, 3)
        assert [one.jids for one in told(turn, report.AttemptsReturned)] == [[3, 2]]


class TestForgetting:
    def test_a_forgotten_spec_is_discarded_where_it_was_prepared(self) -> None:
        node = Node()
        node.runs(1)
        node.returns(1, 1)
        turn = node.master(ForgetSpec(SpecNumber(1)))
        assert sent(turn, pipe.Discard) == [pipe.Discard(1)]
        assert node.crew.specs == {}
        assert node.master(ForgetSpec(SpecNumber(1))) == []

    def test_the_same_events_give_the_same_effects(self) -> None:
        def life() -> list[str]:
            node = a_busy_node(1, 2, 3)
            node.stops(2)
            node.dies(1, running=1)
            return [repr(effect) for effect in node.effects]

        assert life() == life()
