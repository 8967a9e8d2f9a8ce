"""Which blocked jobs are granted ahead, to the worker where all that they wait for is.

A job that needs another's result costs a round trip, from that one's end to its own start. If its
worker knows it before, it goes on at once: a chain runs as fast as one worker can run it.

Only jobs that may run twice do so, after jobs that may run twice: what a job returned counts once
the master has it on record, but by then what follows may have begun (ADR 17). And only while
nobody else waits for these cores: whoever is granted ahead passes by those in the queue.
"""

from collections.abc import Iterator

from picloud.protocol.ids import WorkerId
from picloud.statemachine import value
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import Blocked, Following, Leased, Running
from picloud_master.core.queue import key_of
from picloud_master.core.registry import Registry
from picloud_master.core.worker.actor import WorkerActor

_MOST_LEADERS = 16
"""Looking after them all should cost less than the round trip."""


@value
class Follower:
    """This job is granted ahead to this worker, in this pool."""

    worker: WorkerActor
    pool: int
    job: JobActor


def find(registry: Registry) -> Iterator[Follower]:
    """Jobs to grant ahead, each as soon as those before it have been granted."""
    while registry.may_follow:
        job = _only_job(registry, registry.may_follow.pop())
        if job is None:
            continue
        worker = _worker_of_all(registry, job)
        if worker is None:
            continue
        pool = _pool_for(registry, worker, job)
        if pool is not None:
            yield Follower(worker, pool, job)


def _only_job(registry: Registry, prerequisites: Prerequisites) -> JobActor | None:
    """The job that waits; None for the many of a map, which should spread over all workers."""
    if len(prerequisites.waiting) != 1 or prerequisites.ignore_errors:
        return None
    job = registry.jobs.get(prerequisites.waiting[0])
    if job is None or type(job.state) is not Blocked or not job.spec.restartable:
        return None
    return job if len(prerequisites.pending) <= _MOST_LEADERS else None


def _worker_of_all(registry: Registry, job: JobActor) -> WorkerActor | None:
    """The worker where all that it waits for runs, is about to run, or follows itself."""
    found: WorkerId | None = None
    assert isinstance(job.state, Blocked)
    for jid in job.state.prerequisites.pending:
        leader = registry.jobs[jid]
        state = leader.state
        if not isinstance(state, Leased | Running | Following) or not leader.spec.restartable:
            return None
        if found is not None and state.lease.worker != found:
            return None
        if leader.spec.environment != job.spec.environment:
            return None  # what follows must not have to wait for more than its leaders there
        found = state.lease.worker
    return registry.workers[found] if found is not None else None


def _pool_for(registry: Registry, worker: WorkerActor, job: JobActor) -> int | None:
    """Where it fits, if there is room for it and nobody else waits."""
    spec = job.spec
    if len(worker.leases) >= 2 * worker.window * sum(pool.cores for pool in worker.pools):
        return None
    queue = registry.queues.get(key_of(spec))
    if queue is not None and not queue.is_empty():
        return None
    for number, pool in enumerate(worker.pools):
        if spec.core_type in pool.core_types and spec.cores <= pool.cores:
            return number
    return None
