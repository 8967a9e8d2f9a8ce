"""The states of an interpreter."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value


@value
class Idle:
    """Warm, with nothing to run."""

    since: float


@value
class Busy:
    """Has attempts; `heard` is when it last reported, or was given its first."""

    heard: float


@value
class Recalled:
    """Asked, by a signal, to report what it has finished and give back what it has not started."""

    heard: float
    since: float


@value
class Revoked:
    """Did not answer: what it runs keeps it from hearing signals.

    It has been forbidden, in memory that it looks at before each attempt, to start another one;
    so those behind the running one can go elsewhere without a word from it.
    """

    heard: float
    since: float


@value
class Lending:
    """Its one attempt sleeps; its cores are free for others, and it is given no more."""


@value
class Woken:
    """Its attempt is to go on, and stands in line for its cores before any new work."""


@value
class Ending:
    """Being killed with its process tree; `failure` is the fate of the attempt that it runs."""

    failure: Failure | None


InterpreterState = Idle | Busy | Recalled | Revoked | Lending | Woken | Ending
LENDING, WOKEN = Lending(), Woken()
