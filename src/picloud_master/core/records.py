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


def record_of(job: JobActor) -> JobRecord:
    """Take what must be stored of a job."""
    submission = job.submission
    return JobRecord(
        job.id, submission.owner, submission.spec.number, job.payload, job.attempts, job.state
    )
