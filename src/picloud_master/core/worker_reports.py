"""What each message of a worker means, by message type.

A report about a job that is not placed on this worker is late: the job was deleted, or its lease
here is over. It changes nothing. A job that was forgotten in this same turn still has its lease.
"""

from collections.abc import Callable
from typing import Any

from picloud.protocol import worker_messages as messages
from picloud.protocol.ids import Fence, JobId
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.job import events as job_events
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import HELD_STATES
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
    jids = message.jids
    if not len(jids) == len(message.fences) == len(message.results) == len(message.runtimes):
        raise Misbehaviour("columns of different lengths")
    registry.progress += 1
    jobs, leases, tell_job = registry.jobs, worker.leases, registry.tell_job
    columns = zip(jids, message.fences, message.results, message.runtimes, strict=True)
    for jid, fence, result, runtime in columns:
        job = jobs.get(jid) if jid in leases else None
        if job is not None:
            tell_job(job, job_events.AttemptSucceeded(fence, result, runtime))


def _failed(registry: Registry, worker: WorkerActor, message: messages.AttemptFailed) -> None:
    registry.progress += 1
    job = _job_of(registry, worker, message.jid)
    if job is not None:
        event = job_events.AttemptFailed(message.fence, message.failure, message.runtime)
        registry.tell_job(job, event)


def _returned(registry: Registry, worker: WorkerActor, message: messages.AttemptsReturned) -> None:
    registry.take_backs_answered.append(worker)
    # Each goes to the front of its line, so the oldest must go last.
    for jid, fence in sorted(_pairs(message.jids, message.fences), reverse=True):
        job = _job_of(registry, worker, jid)
        if job is not None:
            registry.tell_job(job, job_events.AttemptReturned(fence))


def _output(registry: Registry, worker: WorkerActor, message: messages.OutputRead) -> None:
    job = registry.jobs.get(message.jid)
    if job is not None and _is_held(job, worker, message.fence):
        if message.stdout or message.stderr or message.logging:
            job.output = (message.stdout, message.stderr, message.logging)
        registry.inquiries.heard_of(job.id)


def _job_of(registry: Registry, worker: WorkerActor, jid: JobId) -> JobActor | None:
    return registry.jobs.get(jid) if jid in worker.leases else None


def _is_held(job: JobActor, worker: WorkerActor, fence: Fence) -> bool:
    return (
        job.id in worker.leases
        and isinstance(job.state, HELD_STATES)
        and job.state.lease.fence == fence
    )


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
    messages.OutputRead: _output,
}
