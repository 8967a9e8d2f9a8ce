"""What can happen to a job."""

from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence
from picloud.statemachine import value
from picloud_master.core.lease import Lease


@value
class Placed:
    """A worker has room: the job is granted to it."""

    lease: Lease


@value
class AttemptStarted:
    """The worker says that the attempt runs."""

    fence: Fence


@value
class AttemptSucceeded:
    """The attempt returned."""

    fence: Fence
    result: bytes
    runtime: float


@value
class AttemptFailed:
    """The attempt ended otherwise."""

    fence: Fence
    failure: Failure
    runtime: float


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
    """A client wants a finished job to be forgotten."""


JobEvent = (
    Placed
    | AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | AttemptReturned
    | AttemptLost
    | KillRequested
    | DeleteRequested
)
KILL_REQUESTED, DELETE_REQUESTED = KillRequested(), DeleteRequested()
