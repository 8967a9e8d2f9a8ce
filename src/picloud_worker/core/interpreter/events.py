"""What can happen to an interpreter, and what its step asks of the agent."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value

# ------------------------------------------------------------------ events


@value
class Given:
    """It got attempts to run."""


@value
class Reported:
    """It said something; its attempts have been accounted for."""


@value
class RecallNeeded:
    """It must say at once what it has finished, and give back the rest."""


@value
class RevokeNeeded:
    """It has not answered a recall: it must not start what it has not started."""


@value
class CoresLent:
    """Its attempt fell asleep, and it has no other."""


@value
class CoresWanted:
    """Its attempt is to go on."""


@value
class CoresBack:
    """Its cores are its own again."""


@value
class EndNeeded:
    """It must die; `failure` is the fate of the attempt that it runs, None if that is innocent."""

    failure: Failure | None


InterpreterEvent = (
    Given | Reported | RecallNeeded | RevokeNeeded | CoresLent | CoresWanted | CoresBack | EndNeeded
)
GIVEN, REPORTED = Given(), Reported()
RECALL_NEEDED, REVOKE_NEEDED = RecallNeeded(), RevokeNeeded()
CORES_LENT, CORES_WANTED, CORES_BACK = CoresLent(), CoresWanted(), CoresBack()

# ------------------------------------------------------------------ outputs


@value
class SendRecall:
    """Signal it."""


@value
class SendRevoke:
    """Forbid it to start another attempt before it has given back what it has."""


@value
class Kill:
    """End it and its process tree."""


InterpreterOutput = SendRecall | SendRevoke | Kill
SEND_RECALL, SEND_REVOKE, KILL = SendRecall(), SendRevoke(), Kill()
