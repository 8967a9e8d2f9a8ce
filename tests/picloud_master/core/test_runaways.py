"""A job that was too deep takes along what it has begun."""

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from tests.support.builders import RAISED, Master, TestJob, TestWorker

TOO_DEEP = Failure(FailureKind.EXCEPTION, "too deep", "picloud.errors.NestingTooDeep")


def family() -> tuple[Master, TestWorker, JobId, JobId, list[JobId]]:
    """A job, its child, both of which run, and two children of that, which wait."""
    master = Master()
    worker = master.worker(2)
    (top,) = master.client().submits()
    (child,) = TestJob(master, worker, top).reserves().submits()
    grandchildren = list(TestJob(master, worker, child).reserves().submits(2))
    return master, worker, top, child, grandchildren


def test_all_that_began_below_a_job_that_was_too_deep_is_killed() -> None:
    master, worker, top, child, grandchildren = family()
    worker.says(worker.failed(top, TOO_DEEP))
    assert master.statuses([top, child, *grandchildren]) == ["error"] + ["killed"] * 3


def test_what_began_above_it_goes_on() -> None:
    master, worker, top, child, grandchildren = family()
    worker.says(worker.failed(child, TOO_DEEP))
    assert master.statuses([child, *grandchildren]) == ["error", "killed", "killed"]
    assert master.statuses([top]) == ["queued"]  # at its worker, and not heard of yet


def test_jobs_of_others_that_it_was_given_go_on() -> None:
    master = Master()
    worker = master.worker(2)
    client = master.client()
    (foreign,) = client.submits()
    (job,) = client.submits(handles=[foreign, foreign + 1])
    TestJob(master, worker, job).reserves().submits()
    worker.says(worker.failed(job, TOO_DEEP))
    assert master.statuses([foreign, job]) == ["queued", "error"]


def test_any_other_failure_leaves_its_children_alone() -> None:
    master, worker, top, child, grandchildren = family()
    worker.says(worker.failed(top, RAISED))
    assert "killed" not in master.statuses([child, *grandchildren])
