"""What each message of a worker means, by message type.

A report about a job that is not placed on this worker is late: the job was deleted, or its lease
here is over. It changes nothing. A job that was forgotten in this same turn still has its lease.
"""

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

from picloud.protocol import worker_messages as messages
from picloud.protocol.environment_messages import EnvironmentsBuilding
from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, JobId
from picloud.protocol.jobs import Handles
from picloud.protocol.payloads import size_of
from picloud_master.core import blob_requests, dependencies, job_requests, runaways
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.holdings import Holdings
from picloud_master.core.job import events as job_events
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import HELD_STATES, PLACED_STATES, Done, Following
from picloud_master.core.registry import Registry
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import WindowChanged


def take(registry: Registry, worker: WorkerActor, message: Any) -> None:
    """Carry out one message.

    Raises:
        Misbehaviour: a worker may not send this.
    """
    handler = _HANDLERS.get(type(message))
    if handler is None:
        raise Misbehaviour(f"a worker does not send {type(message).__name__}")
    handler(registry, worker, message)


def _set_window(registry: Registry, worker: WorkerActor, message: messages.SetWindow) -> None:
    registry.progress += 1
    registry.tell_worker(worker, WindowChanged(message.leases_per_core))


def _started(registry: Registry, worker: WorkerActor, message: messages.AttemptsStarted) -> None:
    registry.progress += 1
    for jid, fence in _pairs(message.jids, message.fences):
        job = _job_of(registry, worker, jid)
        if job is not None:
            registry.tell_job(job, job_events.AttemptStarted(fence))


def _done(registry: Registry, worker: WorkerActor, message: messages.AttemptsDone) -> None:
    jids, handles = message.jids, message.handles
    if not len(jids) == len(message.fences) == len(message.results) == len(message.runtimes):
        raise Misbehaviour("columns of different lengths")
    if handles is not None and len(handles) != len(jids):
        raise Misbehaviour("columns of different lengths")
    registry.progress += 1
    if jids:
        _measure(registry, worker, jids[-1], message.runtimes[-1])
    if message.spilled:
        _done_with_blobs(registry, worker, message)
        return
    if handles is not None or registry.session_of_job or registry.has_dependencies:
        _done_with_handles(registry, worker, message, handles or [[]] * len(jids))
        return
    jobs, leases, tell_job = registry.jobs, worker.leases, registry.tell_job
    columns = zip(
        jids, message.fences, message.results, message.runtimes, _usages_of(message), strict=True
    )
    for jid, fence, result, runtime, usage in columns:
        job = jobs.get(jid) if jid in leases else None
        if job is not None:
            tell_job(job, job_events.AttemptSucceeded(fence, result, runtime, usage))


def _usages_of(message: messages.AttemptsDone) -> Iterable[bytes]:
    """What has been used, by row."""
    usages, spans, rows = message.usages, message.spans, len(message.jids)
    if usages is None or spans is None:
        return repeat(b"", rows)
    if len(usages) != len(spans) or sum(spans) != rows:
        raise Misbehaviour("columns of different lengths")
    return chain.from_iterable(map(repeat, usages, spans))


def _measure(registry: Registry, worker: WorkerActor, jid: JobId, runtime: float) -> None:
    """Remember how long jobs of a spec run; the last one of a message is as good as any."""
    job = _job_of(registry, worker, jid)
    if job is not None:
        job.submission.spec.runtime = runtime


def _done_with_handles(
    registry: Registry, worker: WorkerActor, message: messages.AttemptsDone, handles: list[Handles]
) -> None:
    """As `_done`, for jobs that may have used or followed others, or name some in their results."""
    columns = zip(message.jids, message.fences, message.results, message.runtimes, strict=True)
    rows = zip(columns, handles, _usages_of(message), strict=True)
    for (jid, fence, result, runtime), named, usage in rows:
        job = _job_of(registry, worker, jid)
        if job is None:
            continue
        failure = _misbehaviour_of(registry, jid, fence)
        if failure is not None:
            registry.tell_job(job, job_events.AttemptFailed(fence, failure, runtime, usage))
            continue
        if named and job.holds and _is_wanted(job, fence):
            job.gives = Holdings.of(named).within(job.holds) or None
        registry.tell_job(job, job_events.AttemptSucceeded(fence, result, runtime, usage))


def _done_with_blobs(
    registry: Registry, worker: WorkerActor, message: messages.AttemptsDone
) -> None:
    """As `_done`, for results that name blobs: whatever becomes a job's result holds its blobs."""
    found = (registry.jobs.get(jid) for jid in message.jids)
    places = [
        registry.blobs.named_by(job.submission.owner, result) if job is not None else []
        for job, result in zip(found, message.results, strict=True)
    ]
    handles = message.handles or [[]] * len(message.jids)
    _done_with_handles(registry, worker, message, handles)
    for jid, result, named in zip(message.jids, message.results, places, strict=True):
        job = registry.jobs.get(jid)
        if named and job is not None and type(job.state) is Done and job.state.result is result:
            registry.blobs.of_results[jid] = named
            registry.blobs.hold(named)
            registry.finished.add_blobs(jid, sum(size_of(key) for _, key in named))


def _failed(registry: Registry, worker: WorkerActor, message: messages.AttemptFailed) -> None:
    registry.progress += 1
    job = _job_of(registry, worker, message.jid)
    if job is not None:
        failure = _misbehaviour_of(registry, job.id, message.fence) or message.failure
        if _is_wanted(job, message.fence):
            runaways.end_with(registry, job, failure)
        end = job_events.AttemptFailed(message.fence, failure, message.runtime, message.usage)
        registry.tell_job(job, end)


def _misbehaviour_of(registry: Registry, jid: JobId, fence: Fence) -> Failure | None:
    """How the attempt ends whatever is reported, if its process has spoken nonsense."""
    session = registry.session_of_job.get(jid)
    return session.failure if session is not None and session.lease.fence == fence else None


def _job_said(registry: Registry, worker: WorkerActor, message: messages.JobSaid) -> None:
    job = _job_of(registry, worker, message.jid)
    if job is not None and _is_wanted(job, message.fence):
        job_requests.hear(registry, job, message.frame)


def _returned(registry: Registry, worker: WorkerActor, message: messages.AttemptsReturned) -> None:
    registry.take_backs_answered.append(worker)
    # Each goes to the front of its line, so the oldest must go last.
    for jid, fence in sorted(_pairs(message.jids, message.fences), reverse=True):
        job = _job_of(registry, worker, jid)
        if job is not None:
            registry.tell_job(job, job_events.AttemptReturned(fence))


def _waiting(registry: Registry, worker: WorkerActor, message: messages.AttemptsWaiting) -> None:
    registry.progress += 1
    for jid, fence in _pairs(message.jids, message.fences):
        job = _job_of(registry, worker, jid)
        if job is not None:
            registry.tell_job(job, job_events.AttemptWaits(fence))


def _resumed(registry: Registry, worker: WorkerActor, message: messages.AttemptsResumed) -> None:
    for jid, fence in _pairs(message.jids, message.fences):
        job = _job_of(registry, worker, jid)
        if job is not None:
            registry.tell_job(job, job_events.AttemptResumed(fence))


def _output(registry: Registry, worker: WorkerActor, message: messages.OutputRead) -> None:
    job = registry.jobs.get(message.jid)
    if job is not None and _is_held(job, worker, message.fence):
        if message.stdout or message.stderr or message.logging:
            job.output = (message.stdout, message.stderr, message.logging)
        registry.inquiries.heard_of(job.id)


def _building(registry: Registry, worker: WorkerActor, message: EnvironmentsBuilding) -> None:
    worker.building = message.digests


def _job_of(registry: Registry, worker: WorkerActor, jid: JobId) -> JobActor | None:
    job = registry.jobs.get(jid) if jid in worker.leases else None
    if job is not None and type(job.state) is Following:
        dependencies.settle(registry)  # what it follows may have returned in this same turn
    return job


def _is_held(job: JobActor, worker: WorkerActor, fence: Fence) -> bool:
    return (
        job.id in worker.leases
        and isinstance(job.state, HELD_STATES)
        and job.state.lease.fence == fence
    )


def _is_wanted(job: JobActor, fence: Fence) -> bool:
    """True if this attempt is the job's, and nobody has killed it."""
    return isinstance(job.state, PLACED_STATES) and job.state.lease.fence == fence


def _pairs(jids: list[JobId], fences: list[Fence]) -> list[tuple[JobId, Fence]]:
    if len(jids) != len(fences):
        raise Misbehaviour("columns of different lengths")
    return list(zip(jids, fences, strict=True))


_HANDLERS: dict[type, Callable[[Registry, WorkerActor, Any], None]] = {
    messages.SetWindow: _set_window,
    messages.AttemptsStarted: _started,
    messages.AttemptsDone: _done,
    messages.AttemptFailed: _failed,
    messages.AttemptsReturned: _returned,
    messages.AttemptsWaiting: _waiting,
    messages.AttemptsResumed: _resumed,
    messages.JobSaid: _job_said,
    messages.OutputRead: _output,
    EnvironmentsBuilding: _building,
    **dict.fromkeys(blob_requests.MESSAGES, blob_requests.take_of_worker),
}
