"""The states of an attempt on this worker."""

from picloud.statemachine import value


@value
class Waiting:
    """In the backlog: no interpreter has it, so it can be given back or dropped at once."""


@value
class Unready:
    """Waits for attempts on this worker to return, or for blobs; it cannot run before."""


@value
class Assigned:
    """Sent to an interpreter, where it runs or is about to."""

    interpreter: int


@value
class Sleeping:
    """Waits for jobs that it has started, and lends its cores meanwhile."""

    interpreter: int


@value
class Stopping:
    """To be ended; its interpreter has yet to give it back, finish it, or die."""

    interpreter: int


@value
class Storing:
    """It returned, and no interpreter has it; the master is asked to keep blobs of its result.

    Attributes:
        is_stopped: the master has let go of it.
    """

    is_stopped: bool


@value
class Over:
    """Reported to the master."""


AttemptState = Waiting | Unready | Assigned | Sleeping | Stopping | Storing | Over
WAITING, UNREADY, OVER = Waiting(), Unready(), Over()
