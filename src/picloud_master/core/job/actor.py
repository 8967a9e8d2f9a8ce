"""A job as the master holds it: a small record, since a hundred thousand may be queued."""

from picloud.protocol.ids import JobId, SessionId, SpecNumber
from picloud.protocol.jobs import JobSpec, JobStatus
from picloud_master.core.job.states import QUEUED, STATUS, JobState, Killing


class SpecRecord:
    """A spec and its pickled function, shared by all jobs that name it.

    Attributes:
        unfinished: how many of its jobs have no outcome yet.
        defined: False once the client has forgotten it; it is dropped with its last job.
    """

    __slots__ = ("code", "defined", "number", "spec", "unfinished")

    def __init__(self, number: SpecNumber, spec: JobSpec, code: bytes) -> None:
        self.number = number
        self.spec = spec
        self.code = code
        self.unfinished = 0
        self.defined = True


class Submission:
    """What jobs submitted by one message share."""

    __slots__ = ("created", "owner", "session", "spec")

    def __init__(self, owner: str, session: SessionId, spec: SpecRecord, created: float) -> None:
        self.owner = owner
        self.session = session
        self.spec = spec
        self.created = created


class Watcher:
    """A session that wants to hear of jobs, with results of up to so many bytes."""

    __slots__ = ("largest", "session")

    def __init__(self, session: SessionId, largest: int) -> None:
        self.session = session
        self.largest = largest


class JobActor:
    """Identity, facts and the one state of a job.

    Attributes:
        attempts: how many attempts have been granted and not been given back unstarted.
        output: tails of stdout, stderr and logging, as last heard; None if nothing was written.
        watchers: who wants to hear of its outcome.
    """

    __slots__ = ("attempts", "id", "output", "payload", "state", "submission", "watchers")

    def __init__(self, job_id: JobId, submission: Submission, payload: bytes) -> None:
        self.id = job_id
        self.submission = submission
        self.payload = payload
        self.state: JobState = QUEUED
        self.attempts = 0
        self.output: tuple[str, str, str] | None = None
        self.watchers: tuple[Watcher, ...] = ()

    @property
    def spec(self) -> JobSpec:
        """What the job was asked to be."""
        return self.submission.spec.spec

    @property
    def status(self) -> JobStatus:
        """The public word for its state."""
        return STATUS[type(self.state)]

    @property
    def is_hidden(self) -> bool:
        """Deleted while it was being killed: there is no such job for any client."""
        state = self.state
        return type(state) is Killing and state.deleted

    def __repr__(self) -> str:
        return f"job {self.id}"
