"""What a job's step asks of the kernel."""

from picloud.statemachine import value
from picloud_master.core.lease import Lease


@value
class Run:
    """Send the attempt to the worker of its new lease."""


@value
class Stop:
    """Tell the lease's worker to end the attempt."""

    lease: Lease


@value
class Release:
    """The lease is over: its worker has room again."""

    lease: Lease


@value
class Requeue:
    """Put the job back at the front of the queue, for another attempt."""


@value
class Announce:
    """The job has its outcome: tell who watches it."""


@value
class Forget:
    """Nobody wants the job any more."""


JobOutput = Run | Stop | Release | Requeue | Announce | Forget

RUN, REQUEUE, ANNOUNCE, FORGET = Run(), Requeue(), Announce(), Forget()
