"""What a client is told about a job, in fields and in words."""

from picloud.protocol.client_messages import Scalar
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import (
    Done,
    Errored,
    Killed,
    Killing,
    Leased,
    Queued,
    Running,
)
from picloud_master.core.registry import Registry
from picloud_master.core.worker.actor import WorkerActor


def info_of(registry: Registry, job: JobActor) -> dict[str, Scalar]:
    """All fields of a job; times in UTC seconds, lengths in seconds."""
    state, spec = job.state, job.spec
    stdout, stderr, logging = job.output or ("", "", "")
    info: dict[str, Scalar] = {
        "status": job.status.value,
        "created": job.submission.created,
        "started": None,
        "finished": None,
        "runtime": None,
        "attempts": job.attempts,
        "worker": None,
        "exception": None,
        "stdout": stdout,
        "stderr": stderr,
        "logging": logging,
        "function": spec.name,
        "label": spec.label,
        "type": spec.core_type,
        "cores": spec.cores,
        "priority": spec.priority,
        "max_runtime": spec.timeout or None,
        "memory": spec.memory or None,
        "restartable": spec.restartable,
        "code_size": len(job.submission.spec.code),
        "arguments_size": len(job.payload),
    }
    match state:
        case Leased(lease) | Running(lease):
            worker = registry.workers.get(lease.worker)
            info["worker"] = worker.name if worker else None
            if isinstance(state, Running):
                info["started"] = state.started
                info["runtime"] = registry.context.now - state.started
        case Done(_, runtime, finished):
            info["runtime"] = runtime
            info["finished"] = finished
            info["started"] = finished - runtime
        case Errored(failure, runtime, finished):
            info["runtime"] = runtime
            info["finished"] = finished
            info["started"] = finished - runtime
            info["exception"] = failure.traceback or failure.message
        case Killed(finished) | Killing(finished=finished):
            info["finished"] = finished
        case Queued():
            pass
    return info


def reason_of(registry: Registry, job: JobActor) -> str:
    """Why a job has not finished, in a sentence."""
    state = job.state
    match state:
        case Queued():
            return f"job {job.id} is queued: {_queue_reason(registry, job)}"
        case Leased(lease):
            worker = registry.workers[lease.worker]
            return (
                f"job {job.id} is queued at {worker!r}, or has begun there just now: "
                f"{len(worker.leases)} jobs are there for {_cores_of(worker)} cores"
            )
        case Running(lease, started):
            worker = registry.workers[lease.worker]
            seconds = registry.context.now - started
            return f"job {job.id} has been running on {worker!r} for {seconds:.1f} s"
        case _:
            return f"job {job.id} has finished: {job.status.value}"


def _queue_reason(registry: Registry, job: JobActor) -> str:
    spec = job.spec
    offers = [
        pool.cores
        for worker in registry.workers.values()
        for pool in worker.pools
        if spec.core_type in pool.core_types
    ]
    if not registry.workers:
        return "no worker is connected"
    if not offers:
        return f"no connected worker offers cores of type {spec.core_type!r}"
    if max(offers) < spec.cores:
        return f"no worker has {spec.cores} cores of type {spec.core_type!r}; most is {max(offers)}"
    ahead = registry.queues[spec.core_type].count_ahead(job)
    return f"all {sum(offers)} cores of type {spec.core_type!r} are busy; {ahead} jobs are ahead"


def _cores_of(worker: WorkerActor) -> int:
    return sum(pool.cores for pool in worker.pools)
