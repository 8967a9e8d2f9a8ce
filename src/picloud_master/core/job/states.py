"""The states of a job; each carries what only it knows.

A new job is `Queued`, or becomes `Blocked` in the turn that submits it.
"""

from picloud.protocol.failures import Failure
from picloud.protocol.jobs import JobStatus
from picloud.statemachine import value
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.lease import Lease


@value
class Queued:
    """Waits for a slot."""


@value
class Blocked:
    """Waits for jobs that it depends on."""

    prerequisites: Prerequisites


@value
class Following:
    """Still waits for jobs that it depends on, granted ahead to the worker that has them all.

    That worker runs it when they have returned, without a round trip; until the master has heard
    of that too, its lease holds no cores.
    """

    lease: Lease
    prerequisites: Prerequisites


@value
class Delayed:
    """Failed by itself; pauses before it is tried again."""

    until: float


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
class Waiting:
    """Sleeps at its worker until jobs that it waits for have finished; its cores are lent."""

    lease: Lease
    started: float


@value
class Killing:
    """Killed as far as any client can see; its worker has yet to confirm that nothing runs.

    One that was `deleted` meanwhile is hidden, and forgotten once the worker has confirmed.
    """

    lease: Lease
    finished: float
    started: float | None = None
    deleted: bool = False


@value
class Done:
    """Returned a result, on the worker of its last lease."""

    result: bytes
    runtime: float
    finished: float
    last: Lease | None = None


@value
class Errored:
    """Ended with a failure, on the worker of its last lease."""

    failure: Failure
    runtime: float
    finished: float
    last: Lease | None = None


@value
class Killed:
    """Ended by wish; it has a last lease if it had been granted."""

    finished: float
    last: Lease | None = None
    started: float | None = None


@value
class Stalled:
    """Never ran: a job that it depends on did not succeed.

    `cause` says how the first one of the chain ended, whatever its length.
    """

    failure: Failure
    cause: str
    finished: float


JobState = (
    Queued
    | Blocked
    | Following
    | Delayed
    | Leased
    | Running
    | Waiting
    | Killing
    | Done
    | Errored
    | Killed
    | Stalled
)
HELD_STATES = (Following, Leased, Running, Waiting, Killing)
"""States with a live lease."""

PLACED_STATES = (Leased, Running, Waiting)
"""At a worker, and wanted."""

HEARD_STATES = (*PLACED_STATES, Killing)
"""At a worker, which may still send what the attempt has written."""

BLOCKED_STATES = (Blocked, Following)
"""Waiting for jobs that it depends on."""

UNFINISHED_STATES = (Queued, Blocked, Following, Delayed, Leased, Running, Waiting)
"""Without an outcome."""

QUEUED = Queued()

STATUS: dict[type, JobStatus] = {
    Queued: JobStatus.QUEUED,
    Blocked: JobStatus.WAITING,
    Following: JobStatus.WAITING,
    Delayed: JobStatus.QUEUED,
    Leased: JobStatus.QUEUED,
    Running: JobStatus.PROCESSING,
    Waiting: JobStatus.PROCESSING,
    Killing: JobStatus.KILLED,
    Done: JobStatus.DONE,
    Errored: JobStatus.ERROR,
    Killed: JobStatus.KILLED,
    Stalled: JobStatus.STALLED,
}
"""PiCloud's seven words as a projection of the internal states.

A leased job may wait at its worker behind a long one, so it counts as queued until it is known to
run (ADR 11).
"""
