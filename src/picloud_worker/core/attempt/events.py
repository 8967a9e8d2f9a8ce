"""What can happen to an attempt, and what its step asks of the agent."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value

# ------------------------------------------------------------------ events


@value
class HeldUp:
    """It is new, and follows others, or needs blobs that are not here."""


@value
class MadeReady:
    """All attempts that it follows have returned, and all blobs that it needs are here."""


@value
class BlobLost:
    """A blob that it needs cannot be had; `failure` says why."""

    failure: Failure


@value
class EnvironmentLost:
    """Its environment could not be built."""

    failure: Failure


@value
class Dispatched:
    """An interpreter was given it."""

    interpreter: int


@value
class Finished:
    """It returned or raised; the report to the master is under way."""


@value
class ResultSpilled:
    """It returned a result that names blobs; the master is asked to keep these."""


@value
class GivenBack:
    """Its interpreter has not started it and will not."""


@value
class FellAsleep:
    """It waits for jobs, and no other attempt is left at its interpreter: its cores are free."""


@value
class Awoke:
    """It has its cores again."""


@value
class StopRequested:
    """The master wants it to end."""


@value
class TakenBack:
    """The master has a better place for it, or what it follows has not returned."""


@value
class InterpreterDied:
    """Its interpreter is gone; `failure` tells what became of it, None if it can run again."""

    failure: Failure | None


AttemptEvent = (
    HeldUp
    | MadeReady
    | BlobLost
    | EnvironmentLost
    | Dispatched
    | Finished
    | ResultSpilled
    | GivenBack
    | FellAsleep
    | Awoke
    | StopRequested
    | TakenBack
    | InterpreterDied
)
FINISHED, GIVEN_BACK, STOP_REQUESTED, TAKEN_BACK = (
    Finished(),
    GivenBack(),
    StopRequested(),
    TakenBack(),
)
FELL_ASLEEP, AWOKE = FellAsleep(), Awoke()
HELD_UP, MADE_READY, RESULT_SPILLED = HeldUp(), MadeReady(), ResultSpilled()

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
class NoteSleep:
    """Count it among the sleepers, and tell the master that it lends its cores."""


@value
class NoteEndOfSleep:
    """It is no sleeper any more; `goes_on` unless its end, which is told too, is what woke it."""

    goes_on: bool


@value
class Interrupt:
    """Its interpreter must stop running it."""

    interpreter: int


AttemptOutput = PutBack | ReportReturned | ReportFailed | NoteSleep | NoteEndOfSleep | Interrupt
PUT_BACK, REPORT_RETURNED, NOTE_SLEEP = PutBack(), ReportReturned(), NoteSleep()
