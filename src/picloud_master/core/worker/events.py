"""What can happen to a worker."""

from picloud.protocol.ids import JobId
from picloud.statemachine import value


@value
class LeasesGranted:
    """Jobs of one pool were placed here; together they hold so many cores."""

    pool: int
    jids: list[JobId]
    cores: int


@value
class LeasesEnded:
    """Jobs that were placed here are not any more; the cores that each of them held."""

    jids: list[JobId]
    cores: list[int]


@value
class CoresLent:
    """The attempt of a job that is placed here sleeps; others may have its cores."""

    jid: JobId
    cores: int


@value
class CoresTaken:
    """A job that had lent its cores has them again, even if others have got them meanwhile."""

    jid: JobId
    cores: int


@value
class WindowChanged:
    """The worker wants so many leases for each core."""

    leases_per_core: int


@value
class LinkLost:
    """The worker cannot be reached any more."""

    text: str


WorkerEvent = LeasesGranted | LeasesEnded | CoresLent | CoresTaken | WindowChanged | LinkLost
