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
class EndNeeded:
    """It must die; `failure` is the fate of the attempt that it runs, None if that is innocent."""

    failure: Failure | None


InterpreterEvent = Given | Reported | RecallNeeded | EndNeeded
GIVEN, REPORTED, RECALL_NEEDED = Given(), Reported(), RecallNeeded()

# ------------------------------------------------------------------ outputs


@value
class SendRecall:
    """Signal it."""


@value
class Kill:
    """End it and its process tree."""


InterpreterOutput = SendRecall | Kill
SEND_RECALL, KILL = SendRecall(), Kill()
