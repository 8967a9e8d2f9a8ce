"""How the `jobs` argument of every verb is read."""

from collections.abc import Iterable, Sequence

from picloud.job import HandleSession, Job, JobMap
from picloud.protocol.limits import MAX_INT


def jids_of(
    jobs: object, session: HandleSession, strangers: list[Job | JobMap]
) -> tuple[Sequence[int], bool]:
    """Read a `jobs` argument: the numbers, and whether it was a single job.

    Args:
        jobs: what the user gave.
        session: whose verb it is.
        strangers: takes the handles that the session has not made.

    Raises:
        TypeError: something that is no job.
        ValueError: a number that no job can have.
    """
    if isinstance(jobs, int):
        return [_jid_of(jobs, session, strangers)], True
    return _many(jobs, session, strangers), False


def _many(jobs: object, session: HandleSession, strangers: list[Job | JobMap]) -> Sequence[int]:
    if isinstance(jobs, JobMap):
        if jobs._session is not session:
            strangers.append(jobs)
        return jobs.jids
    jids: list[int] = []
    for each in iterated(jobs):
        if type(each) is Job and each._session is session:
            jids.append(int(each))
        elif type(each) is Job:  # before what takes longer to find out
            jids.append(_jid_of(each, session, strangers))
        elif isinstance(each, JobMap):
            jids.extend(_many(each, session, strangers))
        else:
            jids.append(_jid_of(each, session, strangers))
    return jids


def iterated(jobs: object) -> Iterable[object]:
    """Check that these may be several jobs."""
    if isinstance(jobs, str | bytes | bytearray) or not isinstance(jobs, Iterable):
        raise TypeError(f"expected a job, its number, or an iterable of these, not {jobs!r:.80}")
    return jobs


def _jid_of(job: object, session: HandleSession, strangers: list[Job | JobMap]) -> int:
    jid = checked_jid(job)
    if isinstance(job, Job) and job._session is not session:
        strangers.append(job)
    return jid


def checked_jid(job: object) -> int:
    """Check that this can be a job's number."""
    if not isinstance(job, int) or isinstance(job, bool):
        raise TypeError(f"expected a job or its number, not {job!r:.80}")
    if not 0 <= job <= MAX_INT:  # a larger one fits into no message
        raise ValueError(f"no job has the number {int(job)}")
    return int(job)
