"""What is stored of a job, for a store that outlives the process."""

from picloud.protocol.ids import JobId, SpecNumber
from picloud.statemachine import value
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import JobState


@value
class JobRecord:
    """One job as a turn left it."""

    id: JobId
    owner: str
    spec: SpecNumber
    payload: bytes
    attempts: int
    state: JobState
    retried: int = 0
    depends_on: list[JobId] | None = None


def record_of(job: JobActor) -> JobRecord:
    """Take what must be stored of a job."""
    submission = job.submission
    prerequisites = submission.prerequisites
    return JobRecord(
        job.id,
        submission.owner,
        submission.spec.number,
        job.payload,
        job.attempts,
        job.state,
        job.retried,
        prerequisites.depends_on if prerequisites else None,
    )
