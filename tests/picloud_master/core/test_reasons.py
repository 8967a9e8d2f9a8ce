"""Why a job has not finished."""

from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.jobs import JobStatus
from picloud_master.core import reasons
from picloud_master.core.reasons import Reason, reason_for, text_of
from tests.support.builders import Master, TestClient, a_spec


def busy(cores: int, expected: reasons.Expected | None = None) -> reasons.Load:
    """All cores are busy."""
    return reasons.Load("c1", cores, cores, expected)


def why(master: Master, jid: JobId) -> Reason:
    return reason_for(master.registry, master.job(jid))


def dependent(client: TestClient, *depends_on: JobId) -> JobId:
    """A job that depends on these."""
    jid = JobId(client.block + 1000)
    handles = [bound for one in depends_on for bound in (int(one), one + 1)]
    define = DefineSpec(SpecNumber(1000), a_spec(), b"code")
    client.says(define, SubmitJobs(SpecNumber(1000), jid, [b""], depends_on=handles))
    return jid


class TestBeforeItIsPlaced:
    def test_nobody_is_there(self) -> None:
        master = Master()
        (jid,) = master.client().submits()
        assert why(master, jid) == reasons.NoWorker()

    def test_nobody_has_such_cores(self) -> None:
        master = Master()
        master.worker(2)
        (jid,) = master.client().submits(core_type="m1")
        assert why(master, jid) == reasons.NoWorkerFits("m1", 1, 0)

    def test_nobody_is_so_wide(self) -> None:
        master = Master()
        master.worker(2)
        (jid,) = master.client().submits(cores=3)
        assert why(master, jid) == reasons.NoWorkerFits("c1", 3, 2)

    def test_it_is_next(self) -> None:
        master = Master()
        master.worker(1)
        _, second, third = master.client().submits(3)
        assert why(master, second) == reasons.NoFreeSlot(busy(1), 1, 1)
        assert why(master, third) == reasons.BehindOthers(busy(1), 1)

    def test_cores_that_are_idle_are_not_called_busy(self) -> None:
        master = Master()
        master.worker(4)
        client = master.client()
        client.submits(3)
        (wide,) = client.submits(cores=3)
        assert why(master, wide) == reasons.NoFreeSlot(reasons.Load("c1", 3, 4), 3, 2)

    def test_what_waits_at_a_worker_keeps_no_core_busy(self) -> None:
        master = Master()
        master.worker(2, window=2)
        *_, last = master.client().submits(5)
        assert why(master, last) == reasons.NoFreeSlot(busy(2), 1, 1)

    def test_idle_cores_are_kept_for_a_wide_job_ahead(self) -> None:
        master = Master()
        master.worker(2)
        client = master.client()
        client.submits()
        client.submits(cores=2)
        one, other = client.submits(2)
        load = reasons.Load("c1", 1, 2)
        assert why(master, one) == reasons.BehindOthers(load, 1, 2)
        assert why(master, other) == reasons.BehindOthers(load, 2, 2)

    def test_idle_cores_are_kept_for_a_wide_job_of_another_owner(self) -> None:
        master = Master()
        master.worker(2)
        first, second = master.client(owner="a"), master.client(owner="b")
        second.submits()
        first.submits(cores=2)
        (jid,) = second.submits()
        assert why(master, jid) == reasons.BehindOthers(reasons.Load("c1", 1, 2), 0, 2)

    def test_a_job_that_no_worker_fits_is_in_nobody_s_way(self) -> None:
        master = Master()
        master.worker(2)
        client = master.client()
        client.submits(cores=5)
        *_, jid = client.submits(3)
        assert why(master, jid) == reasons.NoFreeSlot(busy(2), 1, 1)

    def test_a_slot_is_expected_by_the_run_time_measured(self) -> None:
        master = Master()
        worker = master.worker(1)
        first, second, third = master.client().submits(3)
        worker.says(worker.done(first))
        assert why(master, third) == reasons.NoFreeSlot(busy(1), 1, 1)
        worker.says(worker.started(second))
        measured = reasons.Expected(100.5, is_limit=False)
        assert why(master, third) == reasons.NoFreeSlot(busy(1, measured), 1, 1)

    def test_a_job_that_runs_longer_than_the_one_before_has_no_known_end(self) -> None:
        master = Master()
        worker = master.worker(1)
        first, second, third = master.client().submits(3)
        worker.says(worker.done(first))
        worker.says(worker.started(second))
        master.now = 101.0
        master.hears()
        assert why(master, third) == reasons.NoFreeSlot(busy(1), 1, 1)

    def test_a_slot_is_expected_by_the_time_limit_at_the_latest(self) -> None:
        master = Master()
        worker = master.worker(1)
        (running,) = master.client().submits(timeout=60.0)
        worker.says(worker.started(running))
        (jid,) = master.client().submits()
        limit = reasons.Expected(160.0, is_limit=True)
        assert why(master, jid) == reasons.NoFreeSlot(busy(1, limit), 1, 1)

    def test_no_core_is_expected_that_another_job_has_next(self) -> None:
        master = Master()
        worker = master.worker(1, window=2)
        client = master.client()
        (running,) = client.submits(timeout=60.0)
        worker.says(worker.started(running))
        _, last = client.submits(2)
        assert why(master, last) == reasons.NoFreeSlot(busy(1), 1, 1)

    def test_it_depends_on_others(self) -> None:
        master = Master()
        client = master.client()
        jids = client.submits(9)
        jid = dependent(client, *jids)
        assert why(master, jid) == reasons.WaitsForDependencies(jids[:5], 9)

    def test_it_pauses(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits(retries=3, retry_delay=20.0)
        worker.says(worker.failed(jid))
        assert why(master, jid) == reasons.RetryPause(1, 120.0)


class TestAtAWorker:
    def test_it_is_there(self) -> None:
        master = Master()
        master.worker(1, window=3)
        jids = master.client().submits(2)
        (name,) = map(repr, master.registry.workers.values())
        assert why(master, jids[1]) == reasons.AtWorker(name, 2, 1)

    def test_it_runs(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits()
        worker.says(worker.started(jid))
        (name,) = map(repr, master.registry.workers.values())
        assert why(master, jid) == reasons.IsRunning(name, 100.0)

    def test_it_waits_for_nobody_knows_whom(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits()
        worker.says(report.AttemptsWaiting([jid], [worker.fence(jid)]))
        reason = why(master, jid)
        assert isinstance(reason, reasons.WaitsForJobs)
        assert (reason.jids, reason.count) == ([], 0)

    def test_it_waits_for_those_whose_outcome_it_wants(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits()
        job = worker.job(jid).reserves()
        children = job.submits(7)
        job.watches(children[1:])
        worker.says(report.AttemptsWaiting([jid], [worker.fence(jid)]))
        reason = why(master, jid)
        assert isinstance(reason, reasons.WaitsForJobs)
        assert (reason.jids, reason.count) == (children[1:6], 6)

    def test_it_never_ran(self) -> None:
        master = Master()
        client = master.client()
        (first,) = client.submits()
        jid = dependent(client, first)
        client.kills(first)
        text = f"job {first}, which it depends on, was killed"
        assert why(master, jid) == reasons.HasFinished(JobStatus.STALLED, text)
        assert text_of(why(master, jid), 0.0) == f"has finished: stalled; {text}"

    def test_it_is_over(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits()
        worker.says(worker.done(jid))
        assert why(master, jid) == reasons.HasFinished(JobStatus.DONE)


class TestWords:
    @pytest.mark.parametrize(
        ("expected", "text"),
        [
            (None, ""),
            (
                reasons.Expected(107.5, is_limit=False),
                "; a core may be free in 7.5 s, by the last run time of its function",
            ),
            (
                reasons.Expected(107.5, is_limit=True),
                "; a core is free in 7.5 s at the latest, by a time limit",
            ),
        ],
        ids=["unknown", "measured", "limit"],
    )
    def test_an_expectation_says_what_it_is_founded_on(self, expected: Any, text: str) -> None:
        reason = reasons.BehindOthers(busy(2, expected), 1)
        queued = "is queued: all 2 cores of type 'c1' are busy; 1 job is ahead"
        assert text_of(reason, 100.0) == f"{queued}{text}"

    @pytest.mark.parametrize(
        ("reason", "text"),
        [
            (reasons.NoFreeSlot(busy(1), 1, 1), "the only core of type 'c1' is busy; it is next"),
            (
                reasons.BehindOthers(busy(3), 2),
                "all 3 cores of type 'c1' are busy; 2 jobs are ahead",
            ),
            (
                reasons.NoFreeSlot(reasons.Load("c2", 5, 8), 4, 1),
                "5 of 8 cores of type 'c2' are busy; it is next, and needs 1 more of one worker",
            ),
            (
                reasons.BehindOthers(reasons.Load("c1", 1, 2), 1, 2),
                "1 of 2 cores of type 'c1' is busy; a job ahead needs 2 cores of one worker",
            ),
            (
                reasons.BehindOthers(reasons.Load("c1", 1, 2), 3, 2),
                "1 of 2 cores of type 'c1' is busy; "
                "3 jobs are ahead, and the first needs 2 cores of one worker",
            ),
            (
                reasons.BehindOthers(reasons.Load("c1", 1, 2), 0, 2),
                "1 of 2 cores of type 'c1' is busy; another job needs 2 cores of one worker",
            ),
        ],
    )
    def test_a_queued_job_says_what_is_busy_and_what_is_ahead(
        self, reason: Reason, text: str
    ) -> None:
        assert text_of(reason, 0.0) == f"is queued: {text}"

    def test_one_job_and_one_core_are_no_more(self) -> None:
        text = text_of(reasons.AtWorker("worker 1 (node)", 1, 1), 0.0)
        assert text.endswith("1 job is there for 1 core")
        assert text_of(reasons.AtWorker("w", 3, 2), 0.0).endswith("3 jobs are there for 2 cores")

    def test_many_jobs_are_counted_and_few_are_named(self) -> None:
        jids = [JobId(number) for number in range(1, 6)]
        many = text_of(reasons.WaitsForDependencies(jids, 9), 0.0)
        assert "depends on 9 jobs (1, 2, 3, 4, 5, ...), which have not finished" in many
        one = text_of(reasons.WaitsForDependencies(jids[:1], 1), 0.0)
        assert one == "is waiting: it depends on job 1, which has not finished"

    def test_a_pause_and_a_wait_have_their_times(self) -> None:
        assert text_of(reasons.RetryPause(2, 8.0), 5.0) == (
            "is queued: it has failed 2 times and is tried again in 3.0 s"
        )
        assert text_of(reasons.WaitsForJobs("worker 1 (node)", 5.0, [], 0), 7.0) == (
            "waits for other jobs; it began on worker 1 (node) 2.0 s ago"
        )


class TestManyAtOnce:
    def test_each_gets_its_own_place(self) -> None:
        master = Master()
        master.worker(1)
        _, *queued = master.client().submits(5)
        found = reasons.Reasons(master.registry)
        places = [found.of(master.job(jid)) for jid in queued]
        assert [getattr(reason, "ahead", 0) for reason in places] == [0, 1, 2, 3]
