"""How recursion that knows no end is ended.

A job that was not allowed to wait for its jobs fails, and so do those that wait for it. What they
had begun would recurse on without them, more urgent than all other work, for ever. So it is killed.
"""

from picloud.protocol.failures import Failure
from picloud.protocol.ids import JobId
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import KILL_REQUESTED
from picloud_master.core.job.states import UNFINISHED_STATES
from picloud_master.core.registry import Registry

_TOO_DEEP = "picloud.errors.NestingTooDeep"


def end_with(registry: Registry, job: JobActor, failure: Failure) -> None:
    """Kill what a job has begun, and those jobs in turn, if it fails since it was too deep.

    Must be called before the job's end is known: with that it lets go of its jobs.
    """
    if failure.type_name != _TOO_DEEP:
        return
    begun: list[JobActor] = []
    line = [job]
    while line:
        found = _begun_by(registry, line.pop())
        begun += found
        line += found
    for each in begun:
        registry.tell_job(each, KILL_REQUESTED)


def _begun_by(registry: Registry, job: JobActor) -> list[JobActor]:
    if job.holds is None or job.id not in registry.children:
        return []
    held = (registry.jobs.get(JobId(jid)) for jid in job.holds.ids())
    return [
        one
        for one in held
        if one is not None
        and one.submission.parent == job.id
        and isinstance(one.state, UNFINISHED_STATES)
    ]
