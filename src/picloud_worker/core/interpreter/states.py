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
    """Asked to report what it has finished and to give back what it has not started."""

    heard: float


@value
class Ending:
    """Being killed with its process tree; `failure` is the fate of the attempt that it runs."""

    failure: Failure | None


InterpreterState = Idle | Busy | Recalled | Ending
