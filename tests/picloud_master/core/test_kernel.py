"""Turns of the master."""

import pytest

from picloud.protocol import client_messages as ask
from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, RequestId, SpecNumber
from picloud.protocol.jobs import SlotPool
from picloud.statemachine import InvalidTransition
from picloud_master.core.effects import DismissWorker, SendToWorker
from picloud_master.core.events import SessionClosed
from picloud_master.core.job.events import DELETE_REQUESTED
from picloud_master.core.policy import Policy
from tests.support.builders import Master


def commit_flags(master: Master) -> list[tuple[type, bool]]:
    return [
        (type(effect.message), effect.after_commit)
        for effect in master.turn.effects
        if isinstance(effect, SendToWorker)
    ]


class TestTurns:
    def test_a_job_goes_to_a_worker_and_its_result_to_the_watcher(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits(payload=b"arguments")
        client.watches([jid])
        assert [run.payloads for run in worker.heard(report.RunJobs)] == [[b"arguments"]]
        worker.says(worker.done(jid, result=b"42"))
        assert client.heard(ask.JobsDone) == [ask.JobsDone([jid], [b"42"])]

    def test_a_spec_is_sent_once_ahead_of_its_first_job(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker(2)
        client.submits(2)
        kinds = [type(message) for message in worker.heard(object)]
        assert kinds == [report.WorkerAccepted, DefineSpec, report.RunJobs]

    def test_the_same_events_give_the_same_turns(self) -> None:
        def life() -> list[str]:
            master = Master(Policy(durable=True))
            client, worker, other = master.client(), master.worker(2), master.worker(1)
            jids = client.submits(5)
            turns = [client.watches(jids), worker.says(worker.done(jids[0]))]
            turns += [master.hears(other.lost()), client.kills(*jids)]
            return [repr(turn) for turn in turns]

        assert life() == life()

    def test_a_durable_master_records_what_a_turn_changed_and_no_other_does(self) -> None:
        durable, volatile = Master(Policy(durable=True)), Master()
        assert len(durable.client().submits(3)) == len(durable.turn.records) == 3
        volatile.client().submits(3)
        assert volatile.turn.records == []

    def test_an_impossible_event_is_raised_with_the_jobs_story(self) -> None:
        master = Master()
        (jid,) = master.client().submits()
        with pytest.raises(InvalidTransition, match="SubmitJobs"):
            master.registry.tell_job(master.job(jid), DELETE_REQUESTED)

    def test_what_may_start_only_once_waits_for_the_commit_and_nothing_overtakes_it(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker(3)
        jids = client.submits(2, restartable=False)
        assert commit_flags(master) == [(DefineSpec, True), (report.RunJobs, True)]
        client.says(ask.AskInfo(RequestId(1), jids[:1]))
        assert commit_flags(master) == [(report.ReadOutput, True)]
        client.says(ForgetSpec(SpecNumber(1)), ask.KillJobs(RequestId(2), jids))
        assert sorted(commit_flags(master), key=repr) == sorted(
            [(ForgetSpec, True), (report.StopAttempts, True)], key=repr
        )
        assert worker.heard(report.StopAttempts)[0].jids == jids

    def test_what_may_start_again_does_not_wait_for_the_commit(self) -> None:
        master = Master()
        client, _ = master.client(), master.worker()
        (jid,) = client.submits()
        assert commit_flags(master) == [(DefineSpec, False), (report.RunJobs, False)]
        client.kills(jid)
        assert commit_flags(master) == [(report.StopAttempts, False)]


class TestLostWorkers:
    def test_its_restartable_jobs_run_elsewhere_with_higher_fences(self) -> None:
        master = Master()
        client, first = master.client(), master.worker(2)
        jids = client.submits(2)
        old = first.fence(jids[0])
        second = master.worker(2)
        master.hears(first.lost())
        assert second.jids() == jids
        assert second.fence(jids[0]) > old

    def test_its_jobs_keep_their_order(self) -> None:
        master = Master()
        client, first = master.client(), master.worker(1, window=3)
        jids = client.submits(4)
        first.says(report.SetWindow(1))
        master.hears(first.lost())
        second = master.worker(1, window=9)
        assert second.jids() == jids

    def test_a_fourth_loss_is_the_outcome(self) -> None:
        master = Master()
        client = master.client()
        (jid,) = client.submits()
        client.watches([jid])
        for _ in range(4):
            assert master.statuses([jid]) == ["queued"]
            master.hears(master.worker().lost())
        assert [one.failure.kind for one in client.heard(ask.JobFailed)] == [
            FailureKind.WORKER_LOST
        ]

    def test_a_job_that_may_not_run_twice_ends_at_once(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits(restartable=False)
        client.watches([jid])
        master.hears(worker.lost())
        (failed,) = client.heard(ask.JobFailed)
        assert failed.failure.kind is FailureKind.WORKER_LOST
        assert "may have run" in failed.failure.message

    def test_what_it_said_in_the_same_turn_counts(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits(restartable=False)
        master.hears(worker.event(worker.done(jid)), worker.lost())
        assert master.statuses([jid]) == ["done"]

    def test_a_hidden_job_that_ends_in_the_turn_of_the_loss_is_forgotten(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits()
        client.kills(jid)
        client.deletes(jid)
        master.hears(worker.event(worker.failed(jid)), worker.lost())
        assert jid not in master.registry.jobs

    def test_a_job_deleted_in_the_turn_of_its_end_and_of_the_loss_is_forgotten(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits()
        delete = ask.DeleteJobs(RequestId(1), [jid])
        master.hears(worker.event(worker.done(jid)), client.event(delete), worker.lost())
        assert jid not in master.registry.jobs

    def test_news_after_the_loss_is_ignored(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits()
        done = worker.event(worker.done(jid))
        master.hears(worker.lost(), done)
        master.hears(done, worker.lost())
        assert master.statuses([jid]) == ["queued"]


class TestKilledJobs:
    def test_a_killed_job_never_gets_a_result(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits()
        client.watches([jid])
        client.kills(jid)
        worker.says(worker.done(jid))
        assert master.statuses([jid]) == ["killed"]
        assert client.heard(ask.JobsDone) == []
        assert [one.status.value for one in client.heard(ask.JobFailed)] == ["killed"]

    def test_its_cores_are_free_only_when_its_worker_says_so(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        first, second = client.submits(2)
        client.kills(first)
        assert worker.jids() == [first]
        worker.says(worker.failed(first))
        assert worker.jids() == [first, second]

    def test_a_kill_that_crosses_the_result_changes_nothing(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker()
        (jid,) = client.submits()
        kill = ask.KillJobs(RequestId(1), [jid])
        master.hears(worker.event(worker.done(jid)), client.event(kill))
        assert master.statuses([jid]) == ["done"]
        assert worker.heard(report.StopAttempts) == []


class TestSessions:
    def test_jobs_outlive_the_session_that_submitted_them(self) -> None:
        master = Master()
        client = master.client()
        (jid,) = client.submits()
        client.watches([jid])
        master.hears(SessionClosed(client.id))
        worker = master.worker()
        worker.says(worker.done(jid))
        assert master.statuses([jid]) == ["done"]
        later = master.client()
        later.watches([jid])
        assert later.heard(ask.JobsDone) == [ask.JobsDone([jid], [b"result"])]

    def test_a_spec_is_forgotten_with_the_last_job_of_a_client_that_has_left(self) -> None:
        master = Master()
        client, worker = master.client(), master.worker(2)
        first, second = client.submits(2)
        master.hears(SessionClosed(client.id))
        worker.says(worker.done(first))
        assert worker.heard(ForgetSpec) == []
        worker.says(worker.done(second))
        assert worker.heard(ForgetSpec) == [ForgetSpec(SpecNumber(1))]

    def test_an_event_of_a_closed_session_is_ignored(self) -> None:
        master = Master()
        client = master.client()
        closed = SessionClosed(client.id)
        turn = master.hears(closed, client.event(ask.ReserveJids()), closed)
        assert turn.effects == []


class TestTakingBack:
    def test_jobs_bound_to_a_busy_worker_move_to_an_idle_one(self) -> None:
        master = Master()
        client, busy = master.client(), master.worker(1, window=4)
        jids = client.submits(4)
        idle = master.worker(1)
        assert busy.heard(report.TakeBack) == [report.TakeBack(1)]
        busy.says(busy.returned(jids[3]))
        assert idle.jids() == [jids[3]]
        assert master.job(jids[3]).attempts == 1

    def test_one_that_has_nothing_to_give_is_not_asked_in_the_same_turn_again(self) -> None:
        master = Master()
        client, busy = master.client(), master.worker(1, window=4)
        client.submits(4)
        master.worker(1)
        busy.says(report.AttemptsReturned([], []))
        assert len(busy.heard(report.TakeBack)) == 1
        busy.says(busy.started(busy.jids()[0]))
        assert len(busy.heard(report.TakeBack)) == 2

    def test_nor_is_one_whose_jobs_fit_nowhere_else_until_something_has_changed(self) -> None:
        # Found by the simulation: idle cores of a type that its pool serves but none of its jobs.
        master = Master()
        client, busy = master.client(), master.worker(1, "c1", "m1", window=4)
        jids = client.submits(4)
        master.worker(2, "m1")
        for times in range(1, 4):
            assert len(busy.heard(report.TakeBack)) == times
            busy.says(busy.returned(*jids[2:]))
            assert len(busy.heard(report.TakeBack)) == times
            busy.says(busy.started(jids[0]))


class TestRegistration:
    def test_a_pool_without_cores_is_not_accepted(self) -> None:
        master = Master()
        worker = master.worker_with([SlotPool(["c1"], 0)])
        assert [type(one) for one in master.turn.effects] == [DismissWorker]
        assert worker.heard(report.WorkerAccepted) == []

    def test_a_worker_gets_what_waits_with_its_acceptance(self) -> None:
        master = Master()
        jids = master.client().submits(3)
        worker = master.worker(2)
        assert type(worker.heard(object)[0]) is report.WorkerAccepted
        assert worker.jids() == jids[:2]
        assert worker.fence(jids[0]) == Fence(1)

    def test_the_window_said_in_the_same_turn_is_used(self) -> None:
        master = Master()
        jids = master.client().submits(9)
        assert master.worker(2, window=3).jids() == jids[:6]

    def test_jobs_of_several_owners_share_the_cores(self) -> None:
        master = Master()
        ann, bob = master.client("ann").submits(9), master.client("bob").submits(9)
        assert sorted(master.worker(4).jids()) == [*ann[:2], *bob[:2]]
