"""What the master and a worker say to each other. Attempts are named by job id and fence."""

from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, JobId, SpecNumber, WorkerId
from picloud.protocol.jobs import Handles, SlotPool
from picloud.statemachine import value

# ------------------------------------------------------------------ worker to master


@value
class RegisterWorker:
    """The first message of a worker: who it is and what it offers."""

    name: str
    python: str
    pools: list[SlotPool]


@value
class SetWindow:
    """Grant up to this many leases per core: one runs, the others are ready behind it.

    It follows the measured run time, so that short jobs stream and long ones are not bound early.
    """

    leases_per_core: int


@value
class AttemptsStarted:
    """Attempts that have been running for a while; short ones are reported by their end only."""

    jids: list[JobId]
    fences: list[Fence]


@value
class AttemptsDone:
    """Attempts that returned: pickled results, and run times in seconds.

    `handles` are, for each result, those of the jobs that it names; None where none names any.
    `spilled`: some of the results name blobs; these were offered, and are kept.
    `usages` are what they have used, packed, each of as many rows as `spans` says; empty where
    that was not measured.
    """

    jids: list[JobId]
    fences: list[Fence]
    results: list[bytes]
    runtimes: list[float]
    handles: list[Handles] | None = None
    spilled: bool = False
    usages: list[bytes] | None = None
    spans: list[int] | None = None


@value
class AttemptFailed:
    """An attempt that ended otherwise."""

    jid: JobId
    fence: Fence
    failure: Failure
    runtime: float
    usage: bytes = b""


@value
class AttemptsReturned:
    """Attempts that never started and are given back."""

    jids: list[JobId]
    fences: list[Fence]


@value
class AttemptsWaiting:
    """Attempts that sleep until jobs which they wait for have finished; they lend their cores."""

    jids: list[JobId]
    fences: list[Fence]


@value
class AttemptsResumed:
    """Attempts that were waiting and have their cores back."""

    jids: list[JobId]
    fences: list[Fence]


@value
class JobSaid:
    """A running attempt uses the cloud: a frame of client messages, as it sent them."""

    jid: JobId
    fence: Fence
    frame: bytes


@value
class OutputRead:
    """Tails of what an attempt has written so far; sent on request, and before its end."""

    jid: JobId
    fence: Fence
    stdout: str
    stderr: str
    logging: str


# ------------------------------------------------------------------ master to worker


@value
class WorkerAccepted:
    """The worker is registered under this number."""

    worker: WorkerId


@value
class RunJobs:
    """Leases of one spec, one for each job and its pickled arguments.

    `rank` is how urgent they are among those of their priority: higher ones run earlier, so that
    what a waiting job waits for runs before what nobody waits for. `inputs` are, for each job, a
    frame of client messages that tell the outcomes of what it depends on, empty where there are
    none; None where no job has any. `leaders` are, for each job, jobs of this same worker that it
    follows: it runs once they have returned, and is given back if one of them does not; None
    where no job follows any. `spilled`: some of the payloads name blobs. `priority`: what they have
    from jobs that wait for them; None where it is that of the spec.
    """

    spec: SpecNumber
    fence: Fence
    jids: list[JobId]
    payloads: list[bytes]
    rank: int = 0
    inputs: list[bytes] | None = None
    leaders: list[list[JobId]] | None = None
    spilled: bool = False
    priority: int | None = None


@value
class StopAttempts:
    """End these attempts and all their processes; each is answered by an `AttemptFailed`."""

    jids: list[JobId]
    fences: list[Fence]


@value
class TakeBack:
    """Return up to `count` attempts that have not started: another worker has room for them."""

    count: int


@value
class TellJob:
    """A frame of client messages for a running attempt; dropped once it has ended."""

    jid: JobId
    fence: Fence
    frame: bytes


@value
class ReadOutput:
    """Answered by `OutputRead` while the attempt runs; silently dropped once it has ended."""

    jid: JobId
    fence: Fence


FromWorker = (
    RegisterWorker
    | SetWindow
    | AttemptsStarted
    | AttemptsDone
    | AttemptFailed
    | AttemptsReturned
    | AttemptsWaiting
    | AttemptsResumed
    | JobSaid
    | OutputRead
)
ToWorker = WorkerAccepted | RunJobs | StopAttempts | TakeBack | TellJob | ReadOutput
