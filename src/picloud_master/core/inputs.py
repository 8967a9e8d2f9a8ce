"""What a job is told with its lease: the outcomes of what it depends on.

A job mostly reads the results of its dependencies first of all. Small ones go along with it, so
that it need not ask. They count as read: whoever is told a result holds the jobs it names (R2).
A job that follows others is told by its worker what those return; the rest goes along here, too.
"""

from collections.abc import Mapping

from picloud.protocol import limits
from picloud.protocol.client_messages import JobFailed, JobsDone
from picloud.protocol.ids import JobId
from picloud.protocol.wire import WIRE
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import UNFINISHED_STATES, Done
from picloud_master.core.speech import failed

_MOST_JOBS = 1024


def prepare(jobs: Mapping[JobId, JobActor], job: JobActor) -> None:
    """See that the inputs of a job that is about to be sent are made, and count them as read."""
    prerequisites = job.submission.prerequisites
    if prerequisites is None:
        return
    if prerequisites.inputs is None:
        _make(jobs, prerequisites)
    if prerequisites.gives:
        job.holds = Holdings() if job.holds is None else job.holds
        job.holds.update(prerequisites.gives)


def inherit(jobs: Mapping[JobId, JobActor], job: JobActor) -> None:
    """What a job followed has returned, and its worker tells it so: that counts as read, too."""
    prerequisites = job.submission.prerequisites
    assert prerequisites is not None  # it has followed something
    prerequisites.inputs = None  # of then; another attempt, elsewhere, is told all
    for jid in prerequisites.depends_on:
        dependency = jobs.get(jid)
        if dependency is not None and dependency.gives is not None:
            job.holds = Holdings() if job.holds is None else job.holds
            job.holds.update(dependency.gives)


def _make(jobs: Mapping[JobId, JobActor], prerequisites: Prerequisites) -> None:
    """Once for all jobs of a submission."""
    prerequisites.inputs = b""
    named = prerequisites.depends_on
    if len(named) > _MOST_JOBS:
        return
    known = (jobs[jid] for jid in named if jid in jobs)
    found = [each for each in known if not isinstance(each.state, UNFINISHED_STATES)]
    told = JobsDone([], [])
    messages: list[JobsDone | JobFailed] = [told]
    size = 0
    for dependency in found:
        state = dependency.state
        if type(state) is Done:
            told.jids.append(dependency.id)
            told.results.append(state.result)
            size += len(state.result)
        else:
            message = failed(dependency)
            messages.append(message)
            size += len(message.failure.exception) + len(message.failure.traceback)
    if found and size <= limits.INPUT:
        prerequisites.inputs = WIRE.encode(messages)
        for dependency in found:
            if dependency.gives is not None:
                prerequisites.gives.update(dependency.gives)
