"""Messages about environments: from clients to the master, and on to workers.

A client names an environment once; specs carry its digest. A worker is told the lock behind a
digest before the first spec that carries it.
"""

from picloud.protocol.ids import RequestId
from picloud.statemachine import value

# ------------------------------------------------------------------ client to master


@value
class CreateEnvironment:
    """From now on the name means this lock, for this owner; answered by `Accepted` or `Refused`."""

    request: RequestId
    name: str
    python: str
    lock: str


@value
class ListEnvironments:
    """Answered by `EnvironmentsListed`."""

    request: RequestId


@value
class AskEnvironment:
    """Answered by `EnvironmentRead`, or by `Refused` if there is none of this name."""

    request: RequestId
    name: str


@value
class DeleteEnvironment:
    """Forgets a name; answered by `Accepted` or `Refused`. Jobs that were submitted keep theirs."""

    request: RequestId
    name: str


# ------------------------------------------------------------------ master to client


@value
class EnvironmentsListed:
    """The names of all environments of the owner, sorted."""

    request: RequestId
    names: list[str]


@value
class EnvironmentRead:
    """What a name means."""

    request: RequestId
    digest: str
    python: str
    lock: str


@value
class EnvironmentChanged:
    """This name means something else from now on, or nothing; sent to all clients of its owner."""

    name: str


@value
class PythonsOffered:
    """The minor versions of the Pythons of all workers; sent whenever they change."""

    pythons: list[str]


# ------------------------------------------------------------------ master to worker


@value
class DefineEnvironment:
    """Specs that follow may name this environment; it is built when a job needs it."""

    digest: str
    python: str
    lock: str


@value
class ForgetEnvironment:
    """No more specs will name it."""

    digest: str


# ------------------------------------------------------------------ worker to master


@value
class EnvironmentsBuilding:
    """The environments that are being built here, whenever they change; jobs wait for them."""

    digests: list[str]


EnvironmentAnswer = EnvironmentsListed | EnvironmentRead
