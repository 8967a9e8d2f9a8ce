"""What invariants are written with: a rule holds, or the program is wrong."""

from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import UNFINISHED_STATES


class InvariantViolation(AssertionError):  # noqa: N818 - it names the broken rule
    """The registry contradicts itself: a bug in this program."""


def require(holds: bool, rule: str, *who: object) -> None:
    """Go on if the rule holds.

    Raises:
        InvariantViolation: it does not; `who` breaks it.
    """
    if not holds:
        raise InvariantViolation(f"{rule}: {', '.join(map(repr, who))}")


def is_unfinished(job: JobActor) -> bool:
    """True while a job has no outcome."""
    return isinstance(job.state, UNFINISHED_STATES)


def has_cores(job: JobActor) -> bool:
    """True if the lease that a job has holds its cores."""
    return not isinstance(job.state, states.Following | states.Waiting)
