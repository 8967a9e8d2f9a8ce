"""What the master and a worker say to each other. Attempts are named by job id and fence."""

from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, JobId, SpecNumber, WorkerId
from picloud.protocol.jobs import SlotPool
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
    """Attempts that returned: pickled results, and run times in seconds."""

    jids: list[JobId]
    fences: list[Fence]
    results: list[bytes]
    runtimes: list[float]


@value
class AttemptFailed:
    """An attempt that ended otherwise."""

    jid: JobId
    fence: Fence
    failure: Failure
    runtime: float


@value
class AttemptsReturned:
    """Attempts that never started and are given back."""

    jids: list[JobId]
    fences: list[Fence]


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
    """Leases of one spec, one for each job and its pickled arguments."""

    spec: SpecNumber
    fence: Fence
    jids: list[JobId]
    payloads: list[bytes]


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
    | OutputRead
)
ToWorker = WorkerAccepted | RunJobs | StopAttempts | TakeBack | ReadOutput
