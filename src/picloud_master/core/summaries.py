"""What a client is told about a job, in fields and in words."""

from picloud.protocol import limits
from picloud.protocol.client_messages import Scalar
from picloud.protocol.usage import Usage
from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor
from picloud_master.core.reasons import Reasons, counted, text_of
from picloud_master.core.registry import Registry

_ENDS_SHOWN = 4
"""Functions that are named at each end of a long chain of calls."""

_MAX_NAME = 200

_USED = ("cputime.user", "cputime.system", "memory.max_usage", "profile")


def info_of(
    registry: Registry, job: JobActor, reasons: Reasons | None = None
) -> dict[str, Scalar | bytes]:
    """All fields of a job but its family; times in UTC seconds, lengths in seconds.

    Only `max_runtime` is in minutes, as the option of this name; `timeout` is the same in seconds.

    Args:
        reasons: shared by jobs that are asked about together.
    """
    submission, spec = job.submission, job.spec
    stdout, stderr, logging = job.output or ("", "", "")
    prerequisites = submission.prerequisites
    unfinished = isinstance(job.state, states.UNFINISHED_STATES)
    return {
        "status": job.status.value,
        "created": submission.created,
        **_course_of(registry, job),
        "why": reason_of(registry, job, reasons) if unfinished else None,
        "attempts": job.attempts,
        "depends_on": prerequisites.count if prerequisites else 0,
        "stdout": stdout,
        "stderr": stderr,
        "logging": logging,
        **_usage_of(job),
        "arguments": _arguments_of(job),
        "function": spec.name,
        "label": spec.label,
        "type": spec.core_type,
        "cores": spec.cores,
        "priority": spec.priority,
        "timeout": spec.timeout or None,
        "max_runtime": spec.timeout / 60 or None,
        "memory": spec.memory or None,
        "restartable": spec.restartable,
        "retries": spec.retries,
        "retry_delay": spec.retry_delay,
        "code_size": len(submission.spec.code),
        "arguments_size": len(job.payload),
    }


def reason_of(registry: Registry, job: JobActor, reasons: Reasons | None = None) -> str:
    """Why a job has not finished, in a sentence."""
    reason = (reasons or Reasons(registry)).of(job)
    return f"job {job.id} {text_of(reason, registry.context.now)}"


def chain_of(registry: Registry, job: JobActor) -> str:
    """Which functions have led to a job, each called by the one before; shortened in the middle."""
    names = [_short_name(job)]
    parent = job.submission.parent
    while parent is not None and parent in registry.jobs:
        above = registry.jobs[parent]
        names.append(_short_name(above))
        parent = above.submission.parent
    names.reverse()
    shown = names if len(names) <= 2 * _ENDS_SHOWN else _shortened(names)
    return f"{' → '.join(shown)} ({counted(len(names), 'level')})"


def _shortened(names: list[str]) -> list[str]:
    return [*names[:_ENDS_SHOWN], "…", *names[-_ENDS_SHOWN:]]


def _short_name(job: JobActor) -> str:
    return job.spec.name.partition(" at ")[0][:_MAX_NAME]


def _usage_of(job: JobActor) -> dict[str, Scalar]:
    """What its last attempt has used: its share, where it was measured with others."""
    usage, state, share = Usage.unpacked(job.usage), job.state, 1.0
    if usage is None:
        return dict.fromkeys(_USED)
    if isinstance(state, states.Done | states.Errored) and usage.runtime:
        share = max(0.0, min(1.0, state.runtime / usage.runtime))
    used = usage.user * share, usage.system * share, usage.peak, usage.profile or None
    return dict(zip(_USED, used, strict=True))


def _arguments_of(job: JobActor) -> str | bytes | None:
    """In words, if its interpreter has found some; else as they came, if they are small.

    Handles travel with what proves them, and whoever may know of a job need not hold its arguments.
    """
    usage = Usage.unpacked(job.usage)
    if usage is not None and usage.arguments:
        return usage.arguments
    is_small = len(job.payload) <= limits.MAX_SHOWN_PAYLOAD
    return job.payload if is_small and limits.OF_HANDLES not in job.payload else None


def _course_of(registry: Registry, job: JobActor) -> dict[str, Scalar]:
    """When and where it ran, and what it ended with."""
    course: dict[str, Scalar] = dict.fromkeys(
        ("started", "finished", "runtime", "worker", "exception")
    )
    match job.state:
        case states.Leased(lease):
            course["worker"] = lease.name
        case states.Running(lease, started) | states.Waiting(lease, started):
            now = registry.context.now
            course |= {"worker": lease.name, "started": started, "runtime": now - started}
        case states.Done(_, runtime, finished, last) | states.Errored(_, runtime, finished, last):
            started = max(finished - runtime, job.submission.created)  # clocks of two machines
            course |= {"started": started, "finished": finished, "runtime": runtime}
            course["worker"] = last.name if last else None
        case states.Killed(finished, last, begun) | states.Killing(last, finished, begun):
            course |= {"started": begun, "finished": finished}
            course["runtime"] = finished - begun if begun is not None else None
            course["worker"] = last.name if last else None
        case states.Stalled(finished=finished):
            course["finished"] = finished
        case states.Queued() | states.Blocked() | states.Following() | states.Delayed():
            pass
    if isinstance(job.state, states.Errored | states.Stalled):
        failure = job.state.failure
        course["exception"] = failure.traceback or failure.message
    return course
