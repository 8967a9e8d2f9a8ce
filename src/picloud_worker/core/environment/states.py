"""The states of an environment on this worker."""

from picloud.protocol.failures import Failure
from picloud.statemachine import value


@value
class Unbuilt:
    """No attempt has needed it yet."""


@value
class Building:
    """It is being built; attempts wait for it."""


@value
class Built:
    """Interpreters may be started in it."""


@value
class Broken:
    """It could not be built; until this time that is the end of whatever needs it."""

    failure: Failure
    until: float


EnvironmentState = Unbuilt | Building | Built | Broken
UNBUILT, BUILDING, BUILT = Unbuilt(), Building(), Built()
