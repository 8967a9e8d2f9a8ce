"""A job as the master holds it: a small record, since a hundred thousand may be queued."""

from typing import TYPE_CHECKING

from picloud.protocol.ids import JobId, SessionId, SpecNumber
from picloud.protocol.jobs import Handles, JobSpec, JobStatus
from picloud_master.core.environments import EnvironmentRecord
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import QUEUED, STATUS, JobState, Killing
from picloud_master.core.trees import TreeRecord

if TYPE_CHECKING:
    from picloud_master.core.holdings import Holdings


class SpecRecord:
    """A spec and its pickled function, shared by all jobs that name it.

    Attributes:
        handles: of the jobs that the function names.
        unfinished: how many of its jobs have no outcome yet.
        runtime: how long one of its jobs ran, in seconds; None until one has returned.
        definers: how many sessions may name it; without any it is dropped with its last job.
        owner: of the jobs whose sessions share it; None if it is of one client.
    """

    __slots__ = (
        "code",
        "definers",
        "environment",
        "handles",
        "number",
        "owner",
        "runtime",
        "spec",
        "tree",
        "unfinished",
    )

    def __init__(
        self,
        number: SpecNumber,
        spec: JobSpec,
        code: bytes,
        handles: Handles | None = None,
        tree: TreeRecord | None = None,
        environment: EnvironmentRecord | None = None,
    ) -> None:
        self.number = number
        self.spec = spec
        self.code = code
        self.handles = handles
        self.tree = tree
        self.environment = environment
        self.unfinished = 0
        self.definers = 1
        self.owner: str | None = None
        self.runtime: float | None = None


class Submission:
    """What jobs submitted by one message share.

    Attributes:
        parent: the id of the job that submitted them; None for those of a client. Not the job
            itself: it may be forgotten before them.
        prerequisites: what they depend on; None for nothing.
        rank: what each of them begins with.
        priority: likewise; what a job starts is at least as urgent as that job.
    """

    __slots__ = (
        "created",
        "owner",
        "parent",
        "prerequisites",
        "priority",
        "rank",
        "session",
        "spec",
    )

    def __init__(
        self,
        owner: str,
        session: SessionId,
        spec: SpecRecord,
        created: float,
        parent: "JobActor | None" = None,
    ) -> None:
        self.owner = owner
        self.session = session
        self.spec = spec
        self.created = created
        self.parent = None if parent is None else parent.id
        self.prerequisites: Prerequisites | None = None
        self.rank: int = 0 if parent is None else parent.rank + 1
        priority = spec.spec.priority
        self.priority: int = priority if parent is None else min(priority, parent.priority)


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
        retried: how many of them failed by themselves and were followed by another.
        rank: jobs of jobs rank above these, and what a job waits for ranks above it.
        priority: that of its spec, or of who waits for it if that is more urgent.
        holds: the jobs that it may know of; None if there are none.
        gives: the jobs that its outcome names and that it held; whoever reads it holds them, too.
        output: tails of stdout, stderr and logging, as last heard; None if nothing was written.
        usage: what its last attempt has used, packed; empty if that was not measured.
        watchers: who wants to hear of its outcome.
    """

    __slots__ = (
        "attempts",
        "gives",
        "holds",
        "id",
        "output",
        "payload",
        "priority",
        "rank",
        "retried",
        "state",
        "submission",
        "usage",
        "watchers",
    )

    def __init__(self, job_id: JobId, submission: Submission, payload: bytes) -> None:
        self.id = job_id
        self.submission = submission
        self.payload = payload
        self.state: JobState = QUEUED
        self.attempts = 0
        self.retried = 0
        self.rank: int = submission.rank
        self.priority: int = submission.priority
        self.holds: Holdings | None = None
        self.gives: Holdings | None = None
        self.output: tuple[str, str, str] | None = None
        self.usage = b""
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
