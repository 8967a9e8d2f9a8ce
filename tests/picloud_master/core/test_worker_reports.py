"""Each message of a worker, in time and late."""

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.ids import Fence, JobId
from picloud_master.core.effects import DismissWorker
from tests.support.builders import RAISED, Master

J, F = JobId(1), Fence(1)
USED = b"used"


def test_results_end_jobs_and_make_room() -> None:
    master = Master()
    jids, worker = master.client().submits(3), master.worker(2)
    worker.says(worker.done(*jids[:2]))
    assert master.statuses(jids) == ["done", "done", "queued"]


def test_a_failure_is_an_outcome() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    worker.says(worker.failed(jid))
    assert master.statuses([jid]) == ["error"]


def test_jobs_given_back_are_placed_again_in_their_order() -> None:
    master = Master()
    jids, worker = master.client().submits(3), master.worker(1, window=3)
    worker.says(report.SetWindow(1), worker.returned(jids[2], jids[0], jids[1]))
    assert worker.jids() == [*jids, jids[0]]
    assert [job.id for job in master.registry.queues["c1", "3.11"].waiting()] == jids[1:]


def test_a_report_of_a_worker_that_does_not_hold_the_job_changes_nothing() -> None:
    master = Master()
    (jid,), worker, other = master.client().submits(), master.worker(), master.worker()
    said = report.JobSaid(jid, worker.fence(jid), b"nonsense")
    for message in (worker.done(jid), worker.failed(jid), worker.returned(jid), said):
        other.says(message, worker.started(jid))
    assert master.statuses([jid]) == ["queued"]
    assert master.registry.statistics.misbehaved == 0


def test_a_report_with_the_fence_of_an_earlier_lease_changes_nothing() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    late = worker.done(jid)
    worker.says(worker.returned(jid))
    worker.says(late)
    assert master.statuses([jid]) == ["queued"]


def test_a_second_report_in_the_turn_of_the_first_is_late() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    client.kills(jid)
    client.deletes(jid)
    worker.says(worker.failed(jid), worker.done(jid), worker.started(jid), worker.returned(jid))
    assert jid not in master.registry.jobs


def test_output_is_kept_with_the_job() -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    fence = worker.fence(jid)
    worker.says(report.OutputRead(jid, fence, "out", "", ""), worker.done(jid))
    worker.says(report.OutputRead(jid, fence, "late", "", ""))
    assert master.job(jid).output == ("out", "", "")


@pytest.mark.parametrize(
    "message",
    [
        report.AttemptsDone([J], [F], [b""], []),
        report.AttemptsDone([J], [], [b""], [0.1]),
        report.AttemptsDone([J], [F], [b""], [0.1], []),
        report.AttemptsDone([J], [F], [b""], [0.1], None, False, [USED], [2]),
        report.AttemptsDone([J], [F], [b""], [0.1], [[]], False, [USED], [1, 0]),
        report.AttemptsStarted([J], []),
        report.AttemptsReturned([], [F]),
        report.TakeBack(1),
        report.RegisterWorker("node", "3.11", []),
    ],
)
def test_nonsense_costs_the_worker_its_link_and_nobody_a_job(message: object) -> None:
    master = Master()
    (jid,), worker = master.client().submits(), master.worker()
    turn = worker.says(message, report.AttemptFailed(jid, F, RAISED, 0.0))
    assert [one.worker for one in turn.effects if isinstance(one, DismissWorker)] == [worker.id]
    assert master.statuses([jid]) == ["queued"]
    assert master.registry.workers == {}
