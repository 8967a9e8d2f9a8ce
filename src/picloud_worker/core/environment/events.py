"""What can happen to an environment, and what its step asks of the agent."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value

# ------------------------------------------------------------------ events


@value
class Needed:
    """Attempts have come that wait for it."""


@value
class BuildSucceeded:
    """It is there."""


@value
class BuildFailed:
    """It is not; the text is that of the installer."""

    text: str


EnvironmentEvent = Needed | BuildSucceeded | BuildFailed
NEEDED, BUILD_SUCCEEDED = Needed(), BuildSucceeded()

# ------------------------------------------------------------------ outputs


@value
class StartBuild:
    """Begin to build it."""


@value
class LetGo:
    """The attempts that wait for it may run."""


@value
class FailWaiting:
    """The attempts that wait for it end like this."""

    failure: Failure


EnvironmentOutput = StartBuild | LetGo | FailWaiting
START_BUILD, LET_GO = StartBuild(), LetGo()
