"""What can happen to an attempt, and what its step asks of the agent."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value

# ------------------------------------------------------------------ events


@value
class Dispatched:
    """An interpreter was given it."""

    interpreter: int


@value
class Finished:
    """It returned or raised; the report to the master is under way."""


@value
class GivenBack:
    """Its interpreter has not started it and will not."""


@value
class StopRequested:
    """The master wants it to end."""


@value
class TakenBack:
    """The master has a better place for it."""


@value
class InterpreterDied:
    """Its interpreter is gone; `failure` tells what became of it, None if it can run again."""

    failure: Failure | None


AttemptEvent = Dispatched | Finished | GivenBack | StopRequested | TakenBack | InterpreterDied
FINISHED, GIVEN_BACK, STOP_REQUESTED, TAKEN_BACK = (
    Finished(),
    GivenBack(),
    StopRequested(),
    TakenBack(),
)

# ------------------------------------------------------------------ outputs


@value
class PutBack:
    """It waits again, before younger ones."""


@value
class ReportReturned:
    """Tell the master that it never started."""


@value
class ReportFailed:
    """Tell the master how it ended."""

    failure: Failure


@value
class Interrupt:
    """Its interpreter must stop running it."""

    interpreter: int


AttemptOutput = PutBack | ReportReturned | ReportFailed | Interrupt
PUT_BACK, REPORT_RETURNED = PutBack(), ReportReturned()
