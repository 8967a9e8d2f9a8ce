"""Attempts that use the cloud themselves: what they say, and how they lend their cores."""

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId
from picloud.protocol.jobs import SlotPool
from picloud_worker.core import settings
from picloud_worker.core.agent import Agent
from picloud_worker.core.effects import (
    KillInterpreter,
    RecallInterpreter,
    StartInterpreter,
)
from picloud_worker.core.events import AttemptSpoke
from picloud_worker.core.interpreter.states import Busy, Ending, Idle, Lending, Woken
from picloud_worker.pipe import line
from picloud_worker.pipe import messages as pipe
from tests.picloud_worker.core.talk import Talk, a_sleeper, from_one
from tests.support.builders import RAISED, Node, asked, told

SHORT = settings.WINDOW / 4
RESUMED = report.AttemptsResumed([JobId(1)], [Fence(1)])


class TestTalking:
    def test_what_an_attempt_says_goes_to_the_master_with_its_name_and_fence(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        assert told(talk.says(1, b"a", b"b"), report.JobSaid) == [
            report.JobSaid(JobId(1), Fence(1), b"a"),
            report.JobSaid(JobId(1), Fence(1), b"b"),
        ]

    def test_what_it_said_goes_before_its_end(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        sequence = talk.node.sequences[1]
        turn = talk.node.hears(
            AttemptSpoke(1, [line.Said(sequence, b"last words")]),
            from_one(pipe.Wrote(sequence, "out", "", ""), pipe.Raised(sequence, RAISED, 0.1)),
        )
        kinds = [type(one) for one in told(turn, object)]
        assert kinds[:3] == [report.JobSaid, report.OutputRead, report.AttemptFailed]

    def test_what_the_master_tells_it_reaches_it_at_once_while_it_is_awake(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        assert talk.heard(talk.tells(1, b"x")) == [(1, line.Heard(talk.node.sequences[1], b"x"))]

    def test_words_for_or_of_an_attempt_that_is_not_there_are_dropped(self) -> None:
        talk = Talk()
        talk.node.runs(1, 2)
        assert talk.heard(talk.tells(1, b"x", fence=9)) == []
        assert talk.heard(talk.tells(2, b"waits in the backlog")) == []
        assert talk.heard(talk.tells(7, b"unknown")) == []
        assert talk.node.hears(AttemptSpoke(1, [line.Said(99, b"forged")])) == []
        assert talk.node.hears(AttemptSpoke(9, [line.Said(1, b"nobody")])) == []

    def test_one_that_is_to_end_says_no_more(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        talk.node.stops(1)
        assert talk.says(1, b"x") == []
        assert talk.sleeps(1) == []


class TestSleeping:
    def test_a_sleeper_lends_its_cores_and_the_master_hears_of_it(self) -> None:
        talk = Talk()
        talk.node.runs(1, 2)
        turn = talk.sleeps(1)
        assert told(turn, report.AttemptsWaiting) == [
            report.AttemptsWaiting([JobId(1)], [Fence(1)])
        ]
        talk.node.now += settings.RESERVATION * 1.1
        talk.node.ticks()
        assert talk.node.given(2) == [2]
        assert talk.node.given(1) == [1]

    def test_a_child_runs_on_the_lent_core_at_once(self) -> None:
        talk = a_sleeper()
        turn = talk.runs(2, rank=1)
        assert asked(turn, StartInterpreter) == [StartInterpreter(2, b"", "ann")]
        assert talk.node.given(2) == [2]

    def test_one_that_was_told_more_than_it_has_heard_does_not_sleep(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        talk.tells(1, b"x")
        assert told(talk.sleeps(1, heard=0), object) == []
        assert talk.state(1) is Busy
        talk.sleeps(1, heard=1)
        assert talk.state(1) is Lending

    def test_its_neighbours_are_recalled_and_run_elsewhere_before_it_lends(self) -> None:
        talk = Talk()
        talk.node.learns(SHORT)
        talk.node.runs(1, 2, 3)
        turn = talk.sleeps(1)
        assert asked(turn, RecallInterpreter) == [RecallInterpreter(1)]
        assert told(turn, report.AttemptsWaiting) == []
        turn = talk.node.gives_back(1, 2, 3)
        assert talk.state(1) is Lending
        assert len(told(turn, report.AttemptsWaiting)) == 1

    def test_neighbours_that_it_gave_back_before_are_not_asked_for(self) -> None:
        talk = Talk()
        talk.node.learns(SHORT)
        talk.node.runs(1, 2)
        first, second = talk.node.sequences[1], talk.node.sequences[2]
        turn = talk.node.hears(
            AttemptSpoke(1, [line.Asleep(first, 0)]), from_one(pipe.GaveBack([second]))
        )
        assert asked(turn, RecallInterpreter) == []
        assert talk.state(1) is Lending

    def test_it_is_given_nothing_more_and_left_in_peace(self) -> None:
        talk = a_sleeper()
        talk.node.runs(2, 3)
        talk.node.now += 60.0
        assert asked(talk.node.ticks(i1=1), RecallInterpreter) == []
        assert talk.node.given(1) == [1]
        assert 1 not in talk.node.agent.busy_interpreters()

    def test_one_that_wakes_within_the_turn_is_not_reported(self) -> None:
        talk = a_sleeper()
        talk.node.now += 1.0
        sequence = talk.node.sequences[1]
        turn = talk.node.hears(
            AttemptSpoke(1, [line.WokeUp(sequence), line.Asleep(sequence, 0)]),
        )
        assert told(turn, object) == []
        turn = talk.sleeps(1)
        assert (told(turn, object), talk.state(1)) == ([], Lending)

    def test_past_the_limit_a_wait_is_refused_and_the_attempt_keeps_its_core(self) -> None:
        talk = Talk(cores=2, max_sleepers=1)
        talk.node.runs(1, 2)
        talk.sleeps(1)
        turn = talk.sleeps(2)
        ((_, answer),) = talk.heard(turn)
        assert isinstance(answer, line.TooDeep)
        assert "1 jobs may wait" in answer.text
        assert told(turn, object) == []
        assert talk.state(2) is Busy

    def test_the_place_of_a_sleeper_that_wakes_or_ends_is_free_again(self) -> None:
        talk = Talk(cores=2, max_sleepers=1)
        talk.node.runs(1, 2)
        talk.sleeps(1)
        talk.tells(1, b"x")
        assert talk.node.crew.sleepers == 0
        talk.sleeps(2)
        assert talk.state(2) is Lending
        talk.node.dies(2, running=2)
        assert talk.node.crew.sleepers == 0


class TestWaking:
    def test_with_its_cores_free_it_goes_on_with_what_it_is_told(self) -> None:
        talk = a_sleeper()
        turn = talk.tells(1, b"x", b"y")
        sequence = talk.node.sequences[1]
        heard = [(1, line.Heard(sequence, b"x")), (1, line.Heard(sequence, b"y"))]
        assert talk.heard(turn) == heard
        assert talk.state(1) is Busy

    def test_that_it_goes_on_is_told_at_the_next_tick(self) -> None:
        talk = a_sleeper()
        assert told(talk.tells(1, b"x"), object) == []
        assert told(talk.node.ticks(i1=1), object) == [RESUMED]
        assert told(talk.node.ticks(i1=1), report.AttemptsResumed) == []

    def test_or_before_the_next_words_to_the_master(self) -> None:
        talk = a_sleeper()
        talk.tells(1, b"x")
        kinds = [type(one) for one in told(talk.says(1, b"words"), object)]
        assert kinds == [report.AttemptsResumed, report.JobSaid]

    def test_or_before_its_end(self) -> None:
        talk = a_sleeper()
        talk.tells(1, b"x")
        turn = told(talk.node.returns(1, 1), report.AttemptsResumed | report.AttemptsDone)
        assert [type(one) for one in turn] == [report.AttemptsResumed, report.AttemptsDone]

    def test_one_that_sleeps_again_before_has_slept_on_for_the_master(self) -> None:
        talk = a_sleeper()
        talk.tells(1, b"x")
        sequence = talk.node.sequences[1]
        turn = talk.words(1, line.Said(sequence, b"for another"), line.Asleep(sequence, 1))
        assert [type(one) for one in told(turn, object)] == [report.JobSaid]
        assert told(talk.node.ticks(i1=1), object) == []

    def test_with_its_cores_taken_it_goes_on_before_all_new_work(self) -> None:
        talk = a_sleeper()
        talk.runs(2, 3, rank=1)
        turn = talk.tells(1, b"x")
        assert (talk.heard(turn), talk.state(1)) == ([], Woken)
        turn = talk.node.returns(2, 2, runtime=60.0)
        assert talk.heard(turn) == [(1, line.Heard(talk.node.sequences[1], b"x"))]
        assert talk.node.given(2) == []
        talk.node.returns(1, 1)
        assert 3 in [*talk.node.given(1), *talk.node.given(2)]

    def test_while_one_waits_for_its_cores_no_interpreter_is_fed_beside_it(self) -> None:
        talk = a_sleeper()
        talk.node.learns(SHORT, jid=50)  # known to be short from here on
        talk.runs(2, 3, 4, 5, 6, 7, 8, rank=1)
        given = len(talk.node.given(2))
        talk.tells(1, b"x")
        talk.node.returns(2, *talk.node.given(2)[:1], runtime=SHORT)
        assert len(talk.node.given(2)) == given - 1

    def test_those_that_wake_go_on_in_the_order_in_which_they_woke(self) -> None:
        talk = a_sleeper()
        talk.runs(2, rank=1)
        talk.sleeps(2)
        talk.runs(3, rank=2)
        talk.tells(2, b"b")
        talk.tells(1, b"a")
        assert talk.heard(talk.node.returns(3, 3)) == [
            (2, line.Heard(talk.node.sequences[2], b"b"))
        ]
        assert talk.heard(talk.node.returns(2, 2)) == [
            (1, line.Heard(talk.node.sequences[1], b"a"))
        ]

    def test_one_that_woke_by_itself_is_let_go_on_when_its_cores_are_free(self) -> None:
        talk = a_sleeper()
        talk.runs(2, rank=1)
        assert talk.heard(talk.wakes(1)) == []
        turn = talk.node.returns(2, 2)
        assert talk.heard(turn) == [(1, line.GoOn(talk.node.sequences[1]))]

    def test_one_that_never_got_to_sleep_is_let_go_on_at_once(self) -> None:
        talk = Talk()
        talk.node.runs(1)
        talk.tells(1, b"x")
        talk.sleeps(1, heard=0)
        assert talk.heard(talk.wakes(1)) == [(1, line.GoOn(talk.node.sequences[1]))]

    def test_the_run_time_that_is_learned_leaves_out_the_sleep(self) -> None:
        talk = a_sleeper()
        talk.node.now += 100.0
        talk.tells(1, b"x")
        talk.node.returns(1, 1, runtime=100.5)
        estimate = talk.node.crew.specs[1].estimate.seconds  # type: ignore[index]
        assert estimate == pytest.approx(0.5)


class TestEnds:
    def test_a_stop_ends_a_sleeper_without_giving_it_cores(self) -> None:
        talk = a_sleeper()
        talk.runs(2, rank=1)
        assert asked(talk.node.stops(1), KillInterpreter) == [KillInterpreter(1)]
        assert talk.heard(talk.tells(1, b"x")) == []
        (failed,) = told(talk.node.dies(1, running=1), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.KILLED
        assert talk.node.given(2) == [2]

    def test_the_limit_of_run_time_counts_while_it_sleeps(self) -> None:
        talk = a_sleeper(timeout=2.0)
        assert talk.node.agent.busy_interpreters() == [1]
        talk.node.now += 2.1
        assert asked(talk.node.ticks(i1=1), KillInterpreter) == [KillInterpreter(1)]
        (failed,) = told(talk.node.dies(1, running=1), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.RUNTIME

    def test_a_sleeper_whose_interpreter_dies_has_failed(self) -> None:
        talk = a_sleeper()
        talk.tells(1)
        (failed,) = told(talk.node.dies(1, running=1), report.AttemptFailed)
        assert failed.failure.kind is FailureKind.SIGNAL
        talk.node.runs(2)
        assert talk.node.given(2) == [2]

    def test_one_that_waits_for_its_cores_and_dies_holds_nobody_up(self) -> None:
        talk = a_sleeper()
        talk.runs(2, 3, rank=1)
        talk.tells(1, b"x")
        talk.node.dies(1, running=1)
        talk.node.returns(2, 2)
        assert talk.node.given(2) == [3]

    def test_one_of_which_only_a_thread_slept_may_return(self) -> None:
        talk = a_sleeper()
        turn = talk.node.returns(1, 1)
        assert [one.jids for one in told(turn, report.AttemptsDone)] == [[1]]
        assert told(turn, report.AttemptsResumed) == []
        assert talk.state(1) is Idle
        talk.node.runs(2)
        assert talk.node.given(1) == [2]

    def test_its_output_can_be_read(self) -> None:
        talk = a_sleeper()
        turn = talk.node.master(report.ReadOutput(JobId(1), Fence(1)))
        assert len(turn) == 1

    def test_sleepers_are_no_spare_interpreters(self) -> None:
        talk = Talk()
        for jid in range(1, 10):
            talk.runs(jid, rank=jid)
            talk.sleeps(jid)
        assert all(talk.state(number) is Lending for number in range(1, 10))
        turn = talk.runs(10, rank=10)
        assert asked(turn, KillInterpreter) == []
        assert not any(talk.state(n) is Ending for n in talk.node.crew.interpreters)


def test_the_limit_of_sleepers_is_the_agents() -> None:
    assert Agent([SlotPool(["c1"], 1)], max_sleepers=7).crew.max_sleepers == 7


def test_results_that_name_jobs_say_so() -> None:
    node = Node()
    node.learns(SHORT)
    node.runs(1, 2, 3)
    sequences = [node.sequences[jid] for jid in (1, 2, 3)]
    turn = node.says(
        1,
        pipe.Returned(sequences[:1], [b"a"], [0.1]),
        pipe.Returned(sequences[1:2], [b"b"], [0.1], [[4, 6]]),
        pipe.Returned(sequences[2:], [b"c"], [0.1]),
    )
    (done,) = told(turn, report.AttemptsDone)
    assert done.handles == [[], [4, 6], []]
