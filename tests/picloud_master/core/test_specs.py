"""Specs that jobs define, which they share, and their end."""

from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, SpecNumber
from tests.support.builders import Master, TestJob, TestWorker, a_spec

ONE, TWO = SpecNumber(1), SpecNumber(2)


def recursion(job: TestJob, code: bytes = b"f", **options: object) -> JobId:
    """A job submits another of the same function as all do."""
    job.says(DefineSpec(ONE, a_spec(**options), code), SubmitJobs(ONE, job.block, [b""]))
    return job.block


def a_master_with_a_job() -> tuple[Master, TestWorker, TestJob]:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker(9)
    return master, worker, worker.job(jid)


def test_a_function_that_calls_itself_is_sent_once() -> None:
    _, worker, job = a_master_with_a_job()
    child = recursion(job)
    grandchild = recursion(worker.job(child))
    recursion(worker.job(grandchild))
    assert [one.code for one in worker.heard(DefineSpec)] == [b"code", b"f"]


def test_it_is_forgotten_when_no_job_names_it_and_none_runs_it() -> None:
    _, worker, job = a_master_with_a_job()
    child = recursion(job)
    grandchild = recursion(worker.job(child))
    worker.says(worker.done(job.jid, child))
    assert worker.heard(ForgetSpec) == []
    worker.says(worker.done(grandchild))
    assert worker.heard(ForgetSpec) == [ForgetSpec(TWO)]


def test_it_is_sent_anew_to_those_who_come_later() -> None:
    master, worker, job = a_master_with_a_job()
    worker.says(worker.done(recursion(job)), worker.done(job.jid))
    (jid,) = master.client().submits()
    recursion(worker.job(jid))
    assert [one.code for one in worker.heard(DefineSpec)] == [b"code", b"f", b"code", b"f"]


def test_a_job_that_forgets_it_leaves_it_to_others() -> None:
    _, worker, job = a_master_with_a_job()
    child = recursion(job)
    job.says(ForgetSpec(ONE))
    second = worker.job(child)
    recursion(second)
    worker.says(worker.done(job.jid, child))
    assert worker.heard(ForgetSpec) == []


def test_other_options_make_another_spec() -> None:
    _, worker, job = a_master_with_a_job()
    child = recursion(job)
    recursion(worker.job(child), label="other")
    assert [one.spec.label for one in worker.heard(DefineSpec)] == ["", "", "other"]


def test_owners_share_nothing() -> None:
    master, worker, job = a_master_with_a_job()
    recursion(job)
    (theirs,) = master.client("bob").submits()
    recursion(worker.job(theirs))
    owners = [one.owner for one in worker.heard(DefineSpec) if one.code == b"f"]
    assert owners == ["ann", "bob"]
