"""What a client is told about a job, in fields and in words."""

from typing import Any

import pytest

from picloud.protocol import limits
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.jobs import SlotPool
from picloud.protocol.usage import Usage
from picloud.protocol.worker_messages import AttemptsDone, AttemptsWaiting, OutputRead
from picloud_master.core.summaries import chain_of, info_of, reason_of
from tests.support.builders import RAISED, Master, TestWorker, a_spec


def test_a_queued_job_has_not_started() -> None:
    master = Master()
    (jid,) = master.client().submits(payload=b"12345", label="mine", timeout=9.0, memory=64)
    info = info_of(master.registry, master.job(jid))
    assert (info["status"], info["created"], info["started"]) == ("queued", 100.0, None)
    assert (info["label"], info["arguments_size"], info["code_size"]) == ("mine", 5, 4)
    assert (info["memory"], info["attempts"]) == (64, 0)


def test_a_limit_of_the_run_time_reads_in_seconds_and_in_minutes() -> None:
    master = Master()
    limited, free = master.client().submits(timeout=90.0) + master.client().submits()
    info = info_of(master.registry, master.job(limited))
    assert (info["timeout"], info["max_runtime"]) == (90.0, 1.5)
    info = info_of(master.registry, master.job(free))
    assert (info["timeout"], info["max_runtime"]) == (None, None)


def test_a_running_job_has_a_worker_and_a_run_time_so_far() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(worker.started(jid))
    master.now += 7.0
    master.hears()
    info = info_of(master.registry, master.job(jid))
    assert (info["worker"], info["started"], info["runtime"]) == ("node", 100.0, 7.0)
    assert info["attempts"] == 1


def test_a_done_job_started_before_it_finished() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    master.now = 101.0
    worker.says(worker.done(jid))
    info = info_of(master.registry, master.job(jid))
    assert (info["started"], info["finished"], info["runtime"]) == (100.5, 101.0, 0.5)


def test_no_job_started_before_it_was_made_whatever_another_clock_says() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(worker.done(jid))
    info = info_of(master.registry, master.job(jid))
    assert (info["started"], info["finished"], info["runtime"]) == (100.0, 100.0, 0.5)


def test_a_killed_job_tells_how_long_it_ran() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    worker.says(worker.started(jid))
    master.now = 104.0
    client.kills(jid)
    for _ in range(2):
        info = info_of(master.registry, master.job(jid))
        assert (info["started"], info["finished"], info["runtime"]) == (100.0, 104.0, 4.0)
        worker.says(worker.failed(jid))


def test_a_job_that_was_lost_with_its_worker_tells_how_long_it_ran() -> None:
    master = Master()
    (jid,), worker = master.client().submits(restartable=False), master.worker()
    worker.says(worker.started(jid))
    master.now = 104.0
    master.hears(worker.lost())
    info = info_of(master.registry, master.job(jid))
    assert (info["status"], info["started"], info["runtime"]) == ("error", 100.0, 4.0)


def test_what_an_earlier_attempt_wrote_is_not_told_of_the_next() -> None:
    master = Master()
    (jid,), worker = master.client().submits(retries=1), master.worker()
    worker.says(OutputRead(jid, worker.fence(jid), "first", "", ""), worker.failed(jid))
    assert info_of(master.registry, master.job(jid))["stdout"] == ""
    assert info_of(master.registry, master.job(jid))["attempts"] == 2


def test_a_failed_job_tells_why() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(worker.failed(jid))
    info = info_of(master.registry, master.job(jid))
    assert (info["status"], info["exception"]) == ("error", RAISED.message)


def test_a_job_being_killed_is_killed() -> None:
    master = Master()
    client, _ = master.client(), master.worker()
    (jid,) = client.submits()
    client.kills(jid)
    assert info_of(master.registry, master.job(jid))["finished"] == 100.0
    assert "has finished: killed" in reason_of(master.registry, master.job(jid))


class TestReasons:
    def reason(self, master: Master, **options: Any) -> str:
        (jid,) = master.client().submits(**options)
        return reason_of(master.registry, master.job(jid))

    def test_no_worker(self) -> None:
        assert "no worker is connected" in self.reason(Master())

    def test_no_such_cores(self) -> None:
        master = Master()
        master.worker(4)
        assert "no connected worker offers cores of type 'm1'" in self.reason(
            master, core_type="m1"
        )

    def test_too_wide(self) -> None:
        master = Master()
        master.worker_with([SlotPool(["c1"], 4)])
        assert "most is 4" in self.reason(master, cores=8)

    def test_busy(self) -> None:
        master = Master()
        master.worker(1)
        master.client().submits(3)
        assert "the only core of type 'c1' is busy; 2 jobs are ahead" in self.reason(master)

    def test_sent_and_running(self) -> None:
        master = Master()
        worker = master.worker(1)
        assert "is queued at worker" in self.reason(master)
        (jid,) = worker.jids()
        worker.says(worker.started(jid))
        assert "has been running on" in reason_of(master.registry, master.job(jid))


def test_a_job_that_nobody_has_started_is_a_chain_of_one_level() -> None:
    master = Master()
    (jid,) = master.client().submits()
    assert chain_of(master.registry, master.job(jid)) == f"{a_spec().name} (1 level)"


USED = Usage(0.5, 1.5, 0.25, 4096, "(1, 2)")


def done(worker: TestWorker, *jids: JobId, used: Usage) -> AttemptsDone:
    """They returned after 0.5 s each, and were measured together."""
    report = worker.done(*jids)
    report.usages, report.spans = [used.packed()], [len(jids)]
    return report


def test_it_tells_what_an_attempt_used() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(done(worker, jid, used=USED))
    info = info_of(master.registry, master.job(jid))
    assert (info["cputime.user"], info["cputime.system"]) == (1.5, 0.25)
    assert (info["memory.max_usage"], info["arguments"], info["profile"]) == (4096, "(1, 2)", None)


def test_jobs_that_were_measured_together_are_told_their_share() -> None:
    master = Master()
    jids, worker = master.client().submits(4), master.worker(4)
    worker.says(done(worker, *jids, used=Usage(2.0, 1.0, 0.5, 4096)))
    for jid in jids:
        info = info_of(master.registry, master.job(jid))
        assert (info["cputime.user"], info["cputime.system"]) == (0.25, 0.125)
        assert info["memory.max_usage"] == 4096


@pytest.mark.parametrize("runtime", [5e-324, -5e-324, 0.0, 0.1])
def test_nobodys_share_is_more_than_the_whole(runtime: float) -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(done(worker, jid, used=Usage(runtime, 1.0, 0.5, 4096)))
    user = info_of(master.registry, master.job(jid))["cputime.user"]
    assert user in (0.0, 1.0)


def test_arguments_that_nobody_has_put_into_words_are_told_as_they_came() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    assert info_of(master.registry, master.job(jid))["arguments"] == master.job(jid).payload
    worker.says(done(worker, jid, used=Usage(0.5, 1.0, 0.5, 4096)))
    assert info_of(master.registry, master.job(jid))["arguments"] == master.job(jid).payload
    master.job(jid).payload = bytes(limits.MAX_SHOWN_PAYLOAD + 1)
    assert info_of(master.registry, master.job(jid))["arguments"] is None


def test_it_does_not_tell_what_an_earlier_attempt_used() -> None:
    master = Master()
    (jid,), worker = master.client().submits(retries=1), master.worker()
    failed = worker.failed(jid)
    failed.usage = USED.packed()
    worker.says(failed)
    worker.says(worker.done(jid))
    info = info_of(master.registry, master.job(jid))
    assert (info["status"], info["memory.max_usage"]) == ("done", None)


def test_a_finished_job_still_knows_its_worker() -> None:
    master = Master()
    client, worker = master.client(), master.worker(3)
    done, failed, killed = client.submits(3)
    client.kills(killed)
    worker.says(worker.done(done), worker.failed(failed), worker.failed(killed))
    master.hears(worker.lost())
    for jid in (done, failed, killed):
        assert info_of(master.registry, master.job(jid))["worker"] == "node"


def test_only_an_unfinished_job_has_a_reason() -> None:
    master = Master()
    client = master.client()
    (jid,) = client.submits()
    reason = f"job {jid} is queued: no worker is connected"
    assert info_of(master.registry, master.job(jid))["why"] == reason
    client.kills(jid)
    assert info_of(master.registry, master.job(jid))["why"] is None


def test_a_waiting_job_has_been_at_work_since_it_began() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(worker.started(jid))
    master.now += 3.0
    worker.says(AttemptsWaiting([jid], [worker.fence(jid)]))
    info = info_of(master.registry, master.job(jid))
    assert (info["status"], info["started"], info["runtime"]) == ("processing", 100.0, 3.0)


def test_a_stalled_job_says_why_it_never_ran() -> None:
    master = Master()
    client = master.client()
    (jid,) = client.submits()
    define = DefineSpec(SpecNumber(99), a_spec(), b"")
    second = JobId(jid + 1)
    client.says(define, SubmitJobs(SpecNumber(99), second, [b""], depends_on=[jid, jid + 1]))
    client.kills(jid)
    info = info_of(master.registry, master.job(second))
    assert (info["status"], info["started"], info["finished"]) == ("stalled", None, 100.0)
    assert info["exception"] == f"job {jid}, which it depends on, was killed"
    assert info["depends_on"] == 1
