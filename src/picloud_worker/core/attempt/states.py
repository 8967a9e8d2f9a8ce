"""The states of an attempt on this worker."""

from picloud.statemachine import value


@value
class Waiting:
    """In the backlog: no interpreter has it, so it can be given back or dropped at once."""


@value
class Unready:
    """Waits for other attempts on this worker to return; it cannot run before."""


@value
class Unequipped:
    """Waits for its environment to be built."""


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
class Over:
    """Reported to the master."""


AttemptState = Waiting | Unready | Unequipped | Assigned | Sleeping | Stopping | Over
WAITING, UNREADY, UNEQUIPPED, OVER = Waiting(), Unready(), Unequipped(), Over()
