"""What can happen to a job."""

from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence
from picloud.statemachine import value
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.lease import Lease


@value
class DependenciesNamed:
    """It is new, and jobs that it depends on have not finished, or stall it at once."""

    prerequisites: Prerequisites


@value
class DependenciesFinished:
    """All jobs that it depends on have ended as they should."""


@value
class DependencyFailed:
    """A job that it depends on has not succeeded, and never will."""

    failure: Failure
    cause: str


@value
class PauseEnded:
    """It may be tried again."""


@value
class Placed:
    """A worker has room: the job is granted to it."""

    lease: Lease


@value
class PlacedAhead:
    """All that it waits for is at one worker: the job is granted to that one."""

    lease: Lease


@value
class AttemptStarted:
    """The worker says that the attempt runs."""

    fence: Fence


@value
class AttemptWaits:
    """The worker says that the attempt sleeps and that its cores run others meanwhile."""

    fence: Fence


@value
class AttemptResumed:
    """The worker says that the attempt has its cores back."""

    fence: Fence


@value
class AttemptSucceeded:
    """The attempt returned."""

    fence: Fence
    result: bytes
    runtime: float
    usage: bytes = b""


@value
class AttemptFailed:
    """The attempt ended otherwise."""

    fence: Fence
    failure: Failure
    runtime: float
    usage: bytes = b""


@value
class AttemptReturned:
    """The worker gives the attempt back; it never started."""

    fence: Fence


@value
class AttemptLost:
    """The worker is gone, and with it all knowledge of the attempt."""

    fence: Fence
    text: str


@value
class KillRequested:
    """A client wants the job to end."""


@value
class DeleteRequested:
    """A client wants a finished job to be forgotten, or it is kept no longer."""


JobEvent = (
    DependenciesNamed
    | DependenciesFinished
    | DependencyFailed
    | PauseEnded
    | Placed
    | PlacedAhead
    | AttemptStarted
    | AttemptWaits
    | AttemptResumed
    | AttemptSucceeded
    | AttemptFailed
    | AttemptReturned
    | AttemptLost
    | KillRequested
    | DeleteRequested
)
KILL_REQUESTED, DELETE_REQUESTED = KillRequested(), DeleteRequested()
DEPENDENCIES_FINISHED, PAUSE_ENDED = DependenciesFinished(), PauseEnded()
