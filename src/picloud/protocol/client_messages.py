"""What a client and the master say to each other. A running job is a client, too.

A question carries a request number and gets exactly one answer with the same number. Watching
has none: the outcome of a watched job arrives when there is one, however often it was asked for.
"""

from picloud.protocol.environment_messages import EnvironmentAnswer
from picloud.protocol.failures import Failure
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud.protocol.jobs import Handles, JobStatus
from picloud.statemachine import value

Scalar = str | int | float | bool | None

# ------------------------------------------------------------------ client to master


@value
class SubmitJobs:
    """Jobs `first`, `first + 1`, ... of one spec, one for each pickled argument tuple.

    The outcomes of `watched` jobs are sent without being asked for: with the result's bytes if
    they are few (`limits.EAGER_RESULT`), else as if these had not been asked for.

    Attributes:
        depends_on: none of the jobs starts before these have finished.
        ignore_errors: they need not have succeeded.
        handles: for each payload those of the jobs that it names; None where none names any.
        spilled: some of the payloads name blobs; these were offered, and are kept.
    """

    spec: SpecNumber
    first: JobId
    payloads: list[bytes]
    watched: bool = False
    depends_on: Handles | None = None
    ignore_errors: bool = False
    handles: list[Handles] | None = None
    spilled: bool = False


@value
class ReserveJids:
    """Asks for another block of job ids; answered by `JidsReserved`."""


@value
class PresentHandles:
    """Claims the jobs of these ranges by their capabilities; from jobs only, never answered.

    For handles that came neither with the function and its arguments nor with a result.

    Attributes:
        ranges: `first, stop` of each.
        capabilities: one for each range.
        wholes: for each the ranges that its capability was derived along; None if none was.
    """

    ranges: Handles
    capabilities: list[bytes]
    wholes: list[Handles] | None = None


@value
class WatchJobs:
    """Asks for the outcome of each job once it has one, with or without the result's bytes."""

    jids: list[JobId]
    results: bool


@value
class KillJobs:
    """Answered by `Accepted` when no result of these jobs can appear any more."""

    request: RequestId
    jids: list[JobId]


@value
class KillAllJobs:
    """The same for all unfinished jobs of the owner."""

    request: RequestId


@value
class DeleteJobs:
    """Forgets finished jobs; answered by `Accepted`, or `Refused` if one is unfinished."""

    request: RequestId
    jids: list[JobId]


@value
class AskStatus:
    """Answered by `StatusesRead`."""

    request: RequestId
    jids: list[JobId]


@value
class AskInfo:
    """Answered by `InfosRead`; output of running jobs is fetched from their workers first."""

    request: RequestId
    jids: list[JobId]


@value
class AskWhy:
    """Answered by `ReasonRead`."""

    request: RequestId
    jid: JobId


@value
class AskChain:
    """A job asks which functions have led to it; answered by `ReasonRead`."""

    request: RequestId


# ------------------------------------------------------------------ master to client


@value
class JidsReserved:
    """The session may submit jobs `first` to `first + count - 1`; the first message on a link.

    `secret` makes the capabilities of these jobs' handles, and `origin` tells them from those of
    another master's jobs (`protocol.capabilities`).
    """

    first: JobId
    count: int
    secret: bytes = b""
    origin: bytes = b""


@value
class JobsDone:
    """Watched jobs that succeeded, with their pickled results where those were asked for."""

    jids: list[JobId]
    results: list[bytes | None]


@value
class JobFailed:
    """A watched job that ended otherwise."""

    jid: JobId
    status: JobStatus
    failure: Failure


@value
class JobsUnknown:
    """Watched jobs that do not exist, not any more, or not for this session."""

    jids: list[JobId]


@value
class JobsInCycle:
    """Watched jobs that this session's job must not wait for: they may come to wait for it."""

    jids: list[JobId]


@value
class Accepted:
    """The request is carried out."""

    request: RequestId


@value
class Refused:
    """The request changes nothing; `jid` is the job it failed on.

    With `cycle` it is not `unknown`, but may come to wait for the job that asks.
    """

    request: RequestId
    unknown: bool
    jid: JobId
    text: str
    cycle: bool = False


@value
class StatusesRead:
    """One of the seven words for each job asked for, in the same order."""

    request: RequestId
    statuses: list[str]


@value
class InfosRead:
    """All fields of each job asked for, in the same order.

    `arguments` are in words, or in bytes, pickled, if nobody has put them into words.
    """

    request: RequestId
    infos: list[dict[str, Scalar | bytes]]


@value
class ReasonRead:
    """Why a job has not finished, or how it came to be, in words."""

    request: RequestId
    text: str


ToMaster = (
    SubmitJobs
    | ReserveJids
    | PresentHandles
    | WatchJobs
    | KillJobs
    | KillAllJobs
    | DeleteJobs
    | AskStatus
    | AskInfo
    | AskWhy
    | AskChain
)
ToClient = (
    JidsReserved
    | JobsDone
    | JobFailed
    | JobsUnknown
    | JobsInCycle
    | Accepted
    | Refused
    | StatusesRead
    | InfosRead
    | ReasonRead
)
Answer = Accepted | Refused | StatusesRead | InfosRead | ReasonRead | EnvironmentAnswer
