"""The states of a job, in the order of its life; each carries what only it knows."""

from picloud.protocol.failures import Failure
from picloud.protocol.jobs import JobStatus
from picloud.statemachine import value
from picloud_master.core.lease import Lease


@value
class Queued:
    """Waits for a slot."""


@value
class Leased:
    """Granted to a worker, which has not said that it runs: short jobs only report their end."""

    lease: Lease


@value
class Running:
    """Known to run."""

    lease: Lease
    started: float


@value
class Killing:
    """Killed as far as any client can see; its worker has yet to confirm that nothing runs.

    One that was `deleted` meanwhile is hidden, and forgotten once the worker has confirmed.
    """

    lease: Lease
    finished: float
    deleted: bool = False


@value
class Done:
    """Returned a result."""

    result: bytes
    runtime: float
    finished: float


@value
class Errored:
    """Ended with a failure."""

    failure: Failure
    runtime: float
    finished: float


@value
class Killed:
    """Ended by wish."""

    finished: float


JobState = Queued | Leased | Running | Killing | Done | Errored | Killed
HELD_STATES = (Leased, Running, Killing)
"""States with a live lease."""

QUEUED = Queued()

STATUS: dict[type, JobStatus] = {
    Queued: JobStatus.QUEUED,
    Leased: JobStatus.QUEUED,
    Running: JobStatus.PROCESSING,
    Killing: JobStatus.KILLED,
    Done: JobStatus.DONE,
    Errored: JobStatus.ERROR,
    Killed: JobStatus.KILLED,
}
"""PiCloud's seven words as a projection of the internal states.

A leased job may wait at its worker behind a long one, so it counts as queued until it is known to
run (ADR 11).
"""
