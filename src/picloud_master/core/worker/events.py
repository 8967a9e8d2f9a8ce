"""What can happen to a worker."""

from dataclasses import field

from picloud.protocol.ids import JobId
from picloud.statemachine import value


@value
class LeasesGranted:
    """Jobs of one pool and rank were placed here; together they hold so many cores."""

    pool: int
    jids: list[JobId]
    cores: int
    rank: int = 0


@value
class LeasesEnded:
    """Jobs that were placed here are not any more.

    Attributes:
        cores: what each of them held.
        ranks: of those of them that were placed with one above 0.
    """

    jids: list[JobId]
    cores: list[int]
    ranks: dict[JobId, int] = field(default_factory=dict)


@value
class CoresLent:
    """The attempt of a job that is placed here sleeps; others may have its cores."""

    jid: JobId
    cores: int
    rank: int = 0


@value
class CoresTaken:
    """A job that had lent its cores has them again, even if others have got them meanwhile."""

    jid: JobId
    cores: int
    rank: int = 0


@value
class WindowChanged:
    """The worker wants so many leases for each core."""

    leases_per_core: int


@value
class LinkLost:
    """The worker cannot be reached any more."""

    text: str


WorkerEvent = LeasesGranted | LeasesEnded | CoresLent | CoresTaken | WindowChanged | LinkLost
