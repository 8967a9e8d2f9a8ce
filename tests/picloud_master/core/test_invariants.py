"""A registry that contradicts itself is found out, and the broken rule is named."""

from collections.abc import Callable
from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.ids import Fence, JobId, SessionId, WorkerId
from picloud_master.core import invariants
from picloud_master.core.holdings import Holdings
from picloud_master.core.inquiries import Inquiry
from picloud_master.core.job import states
from picloud_master.core.job.states import QUEUED
from picloud_master.core.lease import Lease
from picloud_master.core.retention import size_of
from picloud_master.core.session import ClientSession
from picloud_master.core.worker.states import Gone
from tests.support.builders import Master, TestJob

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
    master.registry.queues["c1", "3.11"].put_back(jobs[QUEUED_JOB])


def wrong_queue(master: Master, jobs: list[Any]) -> None:
    master.registry.queues["m1", "3.11"].put_back(jobs[QUEUED_JOB])


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


def too_many_retries(master: Master, jobs: list[Any]) -> None:
    jobs[LEASED_JOB].retried = 1


def forgotten_by_retention(master: Master, jobs: list[Any]) -> None:
    master.registry.finished.news.clear()
    master.registry.finished.count += 1
    master.registry.finished.size += size_of(jobs[DONE_JOB])


def wrong_count_of_finished(master: Master, jobs: list[Any]) -> None:
    master.registry.finished.count += 1


def wrong_size_of_finished(master: Master, jobs: list[Any]) -> None:
    master.registry.finished.size += 1


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
        (too_many_retries, "more often than it asked"),
        (forgotten_by_retention, "forgotten one day"),
        (wrong_count_of_finished, "count of finished jobs"),
        (wrong_size_of_finished, "their size"),
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


# ------------------------------------------------------------------ dependencies, pauses, loans


def a_waiting_master() -> tuple[Master, list[Any]]:
    """A master with a job that lends its core, one that pauses and one that depends on both."""
    master = Master()
    client, worker = master.client(), master.worker(2)
    lending, pausing = client.submits(2, retries=1, retry_delay=9.0)
    (blocked,) = client.submits_each([], depends_on=[lending, pausing + 1])
    worker.says(report.AttemptsWaiting([lending], [worker.fence(lending)]))
    worker.says(worker.failed(pausing))
    return master, [master.job(lending), master.job(pausing), master.job(blocked)]


LENDING_JOB, PAUSING_JOB, BLOCKED_JOB = 0, 1, 2


def loan_not_returned(master: Master, jobs: list[Any]) -> None:
    state = jobs[LENDING_JOB].state
    jobs[LENDING_JOB].state = states.Running(state.lease, state.started)


def nobody_to_release_it(master: Master, jobs: list[Any]) -> None:
    del master.registry.dependants[jobs[LENDING_JOB].id]


def not_to_be_released(master: Master, jobs: list[Any]) -> None:
    jobs[BLOCKED_JOB].state.prerequisites.waiting.clear()


def blocked_by_nothing(master: Master, jobs: list[Any]) -> None:
    jobs[BLOCKED_JOB].state.prerequisites.pending.clear()


def dependant_of_nobody(master: Master, jobs: list[Any]) -> None:
    master.registry.dependants[JobId(99)] = []


def not_needed(master: Master, jobs: list[Any]) -> None:
    del master.registry.needed[jobs[LENDING_JOB].id]


def never_woken(master: Master, jobs: list[Any]) -> None:
    jobs[PAUSING_JOB].state.until += 1.0


def no_alarm(master: Master, jobs: list[Any]) -> None:
    master.registry.alarms._set = None


def released_too_early(master: Master, jobs: list[Any]) -> None:
    jobs[BLOCKED_JOB].state = states.Delayed(0.0)


def not_stalled(master: Master, jobs: list[Any]) -> None:
    prerequisites = jobs[BLOCKED_JOB].state.prerequisites
    failed = jobs[PAUSING_JOB]
    prerequisites.pending.discard(failed.id)
    del master.registry.dependants[failed.id]
    failed.state = states.Killed(0.0)


def idle_beside_a_queue(master: Master, jobs: list[Any]) -> None:
    jobs[PAUSING_JOB].state = QUEUED
    master.registry.queues["c1", "3.11"].enter(jobs[PAUSING_JOB])


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (released_too_early, "I10"),
        (not_stalled, "I11"),
        (idle_beside_a_queue, "idle cores"),
        (loan_not_returned, "leased cores equal the recount"),
        (nobody_to_release_it, "will release or stall it"),
        (not_to_be_released, "will release or stall it"),
        (blocked_by_nothing, "waits for something"),
        (dependant_of_nobody, "keeps others waiting"),
        (not_needed, "what unfinished jobs depend on"),
        (never_woken, "will be woken"),
        (no_alarm, "alarm is set for the first"),
    ],
)
def test_a_broken_rule_of_waiting_is_named(
    harm: Callable[[Master, list[Any]], None], rule: str
) -> None:
    master, jobs = a_waiting_master()
    harm(master, jobs)
    with pytest.raises(invariants.InvariantViolation, match=rule):
        invariants.check(master.registry)


# ------------------------------------------------------------------ jobs as clients


def a_speaking_master() -> tuple[Master, TestJob, JobId]:
    """A master with a job that speaks, and a child of it that runs."""
    master = Master()
    client, worker = master.client(), master.worker(2)
    (jid,) = client.submits()
    job = worker.job(jid)
    (child,) = job.submits()
    worker.job(child)
    return master, job, child


def session_of_nobody(master: Master, job: TestJob, child: JobId) -> None:
    del master.registry.session_of_job[job.jid]


def session_unknown(master: Master, job: TestJob, child: JobId) -> None:
    del master.registry.sessions[master.registry.session_of_job[child].id]


def session_of_an_ended_job(master: Master, job: TestJob, child: JobId) -> None:
    master.registry.session_of_job[job.jid].lease = Lease(WorkerId(1), Fence(77))


def session_like_a_clients(master: Master, job: TestJob, child: JobId) -> None:
    session = ClientSession(SessionId(-99), "ann")
    master.registry.sessions[session.id] = session


def child_holds_parent(master: Master, job: TestJob, child: JobId) -> None:
    master.job(child).holds = Holdings.of([job.jid, job.jid + 1])


def child_watches_parent(master: Master, job: TestJob, child: JobId) -> None:
    sessions = master.registry.session_of_job
    master.job(child).watchers = (sessions[job.jid].with_results,)
    master.job(job.jid).watchers = (sessions[child].with_results,)


def watches_a_stranger(master: Master, job: TestJob, child: JobId) -> None:
    (stranger,) = master.client().submits()
    session = master.registry.session_of_job[job.jid]
    master.job(stranger).watchers = (session.with_results,)


def holds_the_future(master: Master, job: TestJob, child: JobId) -> None:
    master.registry.session_of_job[job.jid].hold(1 << 50, 1 << 51)


def guard_at_work(master: Master, job: TestJob, child: JobId) -> None:
    master.registry.statistics.cycles_met += 1


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (session_of_nobody, "speaks in one session"),
        (session_unknown, "session is open"),
        (session_of_an_ended_job, "attempt that is placed"),
        (session_like_a_clients, "count down"),
        (child_holds_parent, "what jobs hold forms no cycle"),
        (child_watches_parent, "who waits for whom forms no cycle"),
        (watches_a_stranger, "waits only for what it holds"),
        (holds_the_future, "only jobs that exist are held"),
        (guard_at_work, "guard"),
    ],
)
def test_a_broken_rule_of_jobs_as_clients_is_named(
    harm: Callable[[Master, TestJob, JobId], None], rule: str
) -> None:
    master, job, child = a_speaking_master()
    invariants.check(master.registry)
    harm(master, job, child)
    with pytest.raises(invariants.InvariantViolation, match=rule):
        invariants.check(master.registry)
