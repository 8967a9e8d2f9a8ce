"""What a job's step asks of the kernel."""

from picloud.statemachine import value
from picloud_master.core.lease import Lease


@value
class Enqueue:
    """Put the job into the queue, behind those that are there."""


@value
class Run:
    """Send the attempt to the worker of its new lease."""


@value
class Join:
    """What it followed has returned: it knows the results, and others may follow it."""


@value
class Stop:
    """Tell the lease's worker to end the attempt."""

    lease: Lease


@value
class Lend:
    """The attempt sleeps: the cores of its lease are free for others."""

    lease: Lease


@value
class TakeCores:
    """The cores of the lease are its own again."""

    lease: Lease


@value
class Release:
    """The lease is over: its worker has room again."""

    lease: Lease


@value
class Requeue:
    """Put the job back at the front of the queue, for another attempt."""


@value
class Pause:
    """Wake the job at that time, in UTC seconds."""

    until: float


@value
class Announce:
    """The job has its outcome: tell who watches it, and who depends on it."""


@value
class Forget:
    """Nobody wants the job any more."""


JobOutput = (
    Enqueue | Run | Join | Stop | Lend | TakeCores | Release | Requeue | Pause | Announce | Forget
)
ENQUEUE, RUN, JOIN, REQUEUE, ANNOUNCE, FORGET = (
    Enqueue(),
    Run(),
    Join(),
    Requeue(),
    Announce(),
    Forget(),
)
