"""A registry that contradicts itself is found out, and the broken rule is named."""

from collections.abc import Callable
from typing import Any

import pytest

from picloud.protocol.ids import JobId
from picloud_master.core import invariants
from picloud_master.core.inquiries import Inquiry
from picloud_master.core.job.states import QUEUED
from picloud_master.core.worker.states import Gone
from tests.support.builders import Master

QUEUED_JOB, LEASED_JOB, DONE_JOB = 0, 1, 2


def a_busy_master() -> tuple[Master, list[Any]]:
    """A master with a queued, a leased and a done job."""
    master = Master()
    client, worker = master.client(), master.worker(1)
    done, leased, queued = client.submits(3)
    client.watches([queued, leased])
    worker.says(worker.done(done))
    return master, [master.job(queued), master.job(leased), master.job(done)]


def twice_queued(master: Master, jobs: list[Any]) -> None:
    master.registry.queues["c1"].put_back(jobs[QUEUED_JOB])


def wrong_queue(master: Master, jobs: list[Any]) -> None:
    master.registry.queues["m1"].put_back(jobs[QUEUED_JOB])


def lost_from_queue(master: Master, jobs: list[Any]) -> None:
    jobs[LEASED_JOB].state = QUEUED


def lease_unknown_to_worker(master: Master, jobs: list[Any]) -> None:
    jobs[DONE_JOB].state = jobs[LEASED_JOB].state


def lease_without_job(master: Master, jobs: list[Any]) -> None:
    next(iter(master.registry.workers.values())).leases[JobId(99)] = 0


def wrong_sum(master: Master, jobs: list[Any]) -> None:
    next(iter(master.registry.workers.values())).leased_cores[0] += 1


def dead_worker(master: Master, jobs: list[Any]) -> None:
    next(iter(master.registry.workers.values())).state = Gone("x")


def wrong_share(master: Master, jobs: list[Any]) -> None:
    master.registry.shares["ann"] += 1


def wrong_count(master: Master, jobs: list[Any]) -> None:
    jobs[DONE_JOB].submission.spec.unfinished += 1


def watched_when_over(master: Master, jobs: list[Any]) -> None:
    jobs[DONE_JOB].watchers = jobs[QUEUED_JOB].watchers


def future_fence(master: Master, jobs: list[Any]) -> None:
    jobs[LEASED_JOB].state.lease.fence = 10**6


def asking_in_vain(master: Master, jobs: list[Any]) -> None:
    (session,) = master.registry.sessions
    jid = jobs[DONE_JOB].id
    master.registry.inquiries.add(Inquiry(session, ask_number(), [jid], {jid}))


def too_many_attempts(master: Master, jobs: list[Any]) -> None:
    jobs[LEASED_JOB].attempts = 5


def ask_number() -> Any:
    return 1


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (twice_queued, "in its queue exactly once"),
        (wrong_queue, "queue of its core type"),
        (lost_from_queue, "in its queue exactly once"),
        (lease_unknown_to_worker, "holds that lease"),
        (lease_without_job, "belongs to a job"),
        (wrong_sum, "leased cores"),
        (dead_worker, "gone is forgotten"),
        (wrong_share, "share"),
        (wrong_count, "unfinished jobs"),
        (watched_when_over, "only unfinished jobs are watched"),
        (future_fence, "fences"),
        (asking_in_vain, "waits only for jobs"),
        (too_many_attempts, "restarts"),
    ],
)
def test_a_broken_rule_is_named(harm: Callable[[Master, list[Any]], None], rule: str) -> None:
    master, jobs = a_busy_master()
    invariants.check(master.registry)
    harm(master, jobs)
    with pytest.raises(invariants.InvariantViolation, match=rule):
        invariants.check(master.registry)


def test_a_grant_beyond_the_window_is_found() -> None:
    master, (_, leased, _) = a_busy_master()
    invariants.check_grants(master.registry, [leased.id])
    next(iter(master.registry.workers.values())).window = 0
    with pytest.raises(invariants.InvariantViolation, match="window"):
        invariants.check_grants(master.registry, [leased.id])
