"""Jobs that wait for other jobs to finish before they may run.

What a submission depends on is one `Prerequisites` for all its jobs, so naming n jobs for m others
costs n + m. When a dependency ends, whoever waits for it is released or stalled in the same turn,
and so is what waits for those: a loop, since a chain may be longer than any call stack.
"""

from collections.abc import Iterator

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import (
    DEPENDENCIES_FINISHED,
    DependenciesFinished,
    DependenciesNamed,
    DependencyFailed,
)
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import (
    BLOCKED_STATES,
    UNFINISHED_STATES,
    Blocked,
    Delayed,
    Done,
    Errored,
    Following,
    Leased,
    Queued,
    Stalled,
)
from picloud_master.core.queue import key_of
from picloud_master.core.registry import Registry

_CAUSE_SHOWN = 300


def submit(
    registry: Registry,
    jobs: list[JobActor],
    depends_on: list[JobId],
    missing: JobId | None,
    ignore_errors: bool,
) -> None:
    """Take new jobs of one submission into the registry; they run once these jobs have finished.

    Args:
        depends_on: jobs that exist.
        missing: one that does not; then none of them ever runs.
    """
    prerequisites = Prerequisites(depends_on, ignore_errors)
    failed = None if missing is None else _missing(missing)
    for jid in depends_on:
        dependency = registry.jobs[jid]
        if isinstance(dependency.state, UNFINISHED_STATES):
            prerequisites.pending.add(jid)
        elif failed is None and not ignore_errors:
            failed = _failure_of(dependency)
    prerequisites.unfinished = len(jobs)
    registry.needed.update(depends_on)
    jobs[0].submission.prerequisites = prerequisites
    if failed is None and not prerequisites.pending:
        registry.add_jobs(jobs)
        return
    registry.add_jobs(jobs, queued=False)
    named = DependenciesNamed(prerequisites)
    for job in jobs:
        registry.tell_job(job, named)
    if failed is None:
        prerequisites.waiting = [job.id for job in jobs]
        for jid in prerequisites.pending:
            registry.dependants.setdefault(jid, []).append(prerequisites)
        registry.may_follow.append(prerequisites)
    else:
        prerequisites.pending.clear()
        for job in jobs:
            registry.tell_job(job, failed)


def settle(registry: Registry) -> None:
    """Release or stall all jobs that waited for those which have ended in this turn."""
    ended = registry.ended_dependencies
    if not ended:
        return
    for dependency, waiting in ended:  # it grows while it is walked: a stalled job has ended, too
        failed = _failure_of(dependency)
        for prerequisites in waiting:
            prerequisites.pending.discard(dependency.id)
            if failed is not None and not prerequisites.ignore_errors:
                prerequisites.pending.clear()
                _tell_waiting(registry, prerequisites, failed)
            elif not prerequisites.pending:
                _tell_waiting(registry, prerequisites, DEPENDENCIES_FINISHED)
    ended.clear()


def waits_for(registry: Registry, job: JobActor) -> Iterator[JobId]:
    """The unfinished jobs that this one depends on; none unless it is blocked."""
    state = job.state
    if isinstance(state, BLOCKED_STATES):
        for jid in state.prerequisites.pending:
            dependency = registry.jobs.get(jid)
            if dependency is not None and isinstance(dependency.state, UNFINISHED_STATES):
                yield jid


def make_urgent(registry: Registry, job: JobActor, rank: int, priority: int) -> None:
    """Somebody waits for this job: from now on it has at least this rank, and this priority.

    So do the unfinished jobs that it depends on, if it is blocked, and what those depend on.
    """
    jobs = registry.jobs
    todo = [job]
    while todo:
        one = todo.pop()
        state = one.state
        if (one.rank < rank or one.priority > priority) and isinstance(state, _NOT_BEGUN):
            one.rank, one.priority = max(one.rank, rank), min(one.priority, priority)
            if type(state) is Queued:
                registry.queues[key_of(one.spec)].enter(one)
        if not isinstance(state, Blocked | Following):
            continue
        named = state.prerequisites
        if named.rank < rank or named.priority > priority:
            # All that it names follow at once, so nobody need walk there again for this.
            named.rank, named.priority = max(named.rank, rank), min(named.priority, priority)
            todo += [jobs[jid] for jid in named.pending if jid in jobs]


_NOT_BEGUN = Queued | Blocked | Following | Delayed | Leased


def _tell_waiting(
    registry: Registry,
    prerequisites: Prerequisites,
    event: DependencyFailed | DependenciesFinished,
) -> None:
    waiting, prerequisites.waiting = prerequisites.waiting, []
    for jid in waiting:
        job = registry.jobs.get(jid)
        if job is not None and isinstance(
            job.state, BLOCKED_STATES
        ):  # else it was killed meanwhile
            registry.tell_job(job, event)


def _missing(jid: JobId) -> DependencyFailed:
    text = f"job {jid}, which it depends on, does not exist"
    return DependencyFailed(Failure(FailureKind.KILLED, text), f"job {jid} does not exist")


def _failure_of(dependency: JobActor) -> DependencyFailed | None:
    """Why those that depend on a finished job cannot run; None if it has succeeded."""
    state = dependency.state
    match state:
        case Done():
            return None
        case Stalled(cause=cause):
            text = f"job {dependency.id}, which it depends on, never ran: {cause}"
        case Errored(failure):
            how = f"failed: {failure.message[:_CAUSE_SHOWN]}"
            text = f"job {dependency.id}, which it depends on, {how}"
            cause = f"job {dependency.id} {how}"
        case _:
            text = f"job {dependency.id}, which it depends on, was killed"
            cause = f"job {dependency.id} was killed"
    return DependencyFailed(Failure(FailureKind.KILLED, text), cause)
