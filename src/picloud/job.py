"""`Job`, `JobMap`, and how the `jobs` argument of every verb is read."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Coroutine, Generator, Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

from picloud.protocol.limits import MAX_INT

if TYPE_CHECKING:
    from concurrent.futures import Future


class _All(enum.Enum):
    ALL = "all jobs"

    def __repr__(self) -> str:
        return "cloud.ALL"


ALL: Final = _All.ALL
"""For `kill`: every unfinished job of the account."""


T = TypeVar("T")


class JobSession(Protocol):
    """What a handle needs of its session: some verbs, and to know whether it is still the one."""

    origin: str

    @property
    def is_lost(self) -> bool: ...
    def drive(self, coroutine: Coroutine[Any, Any, T], verb: str) -> T: ...
    def aresult(self, jobs: Any, timeout: float | None = None) -> Coroutine[Any, Any, Any]: ...
    def astatus(self, jobs: Any) -> Coroutine[Any, Any, Any]: ...
    def ainfo(
        self, jobs: Any, fields: str | Sequence[str] | None = None
    ) -> Coroutine[Any, Any, dict[int, dict[str, Any]]]: ...
    def akill(self, jobs: Any) -> Coroutine[Any, Any, None]: ...
    def awhy(self, job: Any) -> Coroutine[Any, Any, str]: ...
    def future_of(self, job: Job) -> Future[Any]: ...


class Job(int):
    """A job's number, which is also the handle of the job.

    It prints, compares, hashes and becomes JSON as the plain number. `await job` gives the result.
    Pickled, it is a handle for the session of whoever loads it. Dropping it never kills the job.
    """

    _session: JobSession | Elsewhere | None = None

    def _verbs(self) -> JobSession:
        session = self._session
        if session is not None and not isinstance(session, Elsewhere) and not session.is_lost:
            return session
        import picloud  # the process's own session; by then it is another connection, perhaps

        current = picloud.current_session()
        if session is not None and session.origin != current.origin:
            if isinstance(session, Elsewhere):
                raise _of_another_session()
            return session
        return current

    def __await__(self) -> Generator[Any, None, Any]:
        return self._verbs().aresult(self).__await__()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the job and return what it returned.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.

        Raises:
            JobError: the job ended without a result.
            CloudTimeoutError: it was not finished in time.
        """
        return self._verbs().drive(self._verbs().aresult(self, timeout), "Job.result")

    @property
    def status(self) -> str:
        """One of the seven words, asked for now."""
        status: str = self._verbs().drive(self._verbs().astatus(self), "Job.status")
        return status

    def info(self, fields: str | Sequence[str] | None = None) -> dict[str, Any]:
        """Tell what is known of the job: see `cloud.info`."""
        return self._verbs().drive(self._verbs().ainfo(self, fields), "Job.info")[int(self)]

    def kill(self) -> None:
        """Kill the job: see `cloud.kill`."""
        self._verbs().drive(self._verbs().akill(self), "Job.kill")

    def why(self) -> str:
        """Say why the job has not finished: see `cloud.why`."""
        return self._verbs().drive(self._verbs().awhy(self), "Job.why")

    def future(self) -> Future[Any]:
        """Make a `concurrent.futures.Future` of the job; cancelling it kills the job."""
        return self._verbs().future_of(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded_job, (int(self), _origin_of(self._session))

    def __copy__(self) -> Job:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Job:
        return self


class JobMap(Sequence[Job]):
    """The jobs of one `map`, in the order of its items; a slice of it is one too.

    It holds ranges of numbers: a hundred thousand jobs take no more room than one.
    """

    __slots__ = ("_ends", "_ranges", "_session")

    def __init__(
        self, ranges: Iterable[range] = (), session: JobSession | Elsewhere | None = None
    ) -> None:
        self._ranges = tuple(each for each in ranges if each)
        self._ends = tuple(accumulate(map(len, self._ranges)))
        self._session = session

    @property
    def jids(self) -> Sequence[int]:
        """The numbers of the jobs, as plain ints."""
        return self._ranges[0] if len(self._ranges) == 1 else list(chain(*self._ranges))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> JobMap: ...
    def __getitem__(self, index: int | slice) -> Job | JobMap:
        if isinstance(index, slice):
            places = range(len(self))[index]
            return JobMap(self._ranges_at(places), self._session)
        place = range(len(self))[index]  # counts from the end and raises as a list does
        return job_of(self._jid_at(place), self._session)

    def __iter__(self) -> Iterator[Job]:
        session = self._session
        for each in self._ranges:
            for jid in each:
                yield job_of(jid, session)

    def __contains__(self, item: object) -> bool:
        return isinstance(item, int) and any(item in each for each in self._ranges)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, JobMap):
            return self._ranges == other._ranges or list(self.jids) == list(other.jids)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.jids))

    def __repr__(self) -> str:
        if not self._ranges:
            return "JobMap()"
        return f"JobMap({len(self)} jobs, {self._ranges[0][0]} to {self._ranges[-1][-1]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded_map, (self._ranges, _origin_of(self._session))

    def _jid_at(self, place: int) -> int:
        at = bisect_right(self._ends, place)
        return self._ranges[at][place - self._ends[at]]  # negative: from that range's end

    def _ranges_at(self, places: range) -> Iterator[range]:
        if len(self._ranges) > 1 or not places:
            yield from joined(self._jid_at(place) for place in places)
        else:
            jids = self._ranges[0]
            step = jids.step * places.step
            yield range(jids[places[0]], jids[places[-1]] + (1 if step > 0 else -1), step)


def joined(jids: Iterable[int]) -> Iterator[range]:
    """Put neighbouring numbers into ranges."""
    current: range | None = None
    for jid in jids:
        if current is not None and jid == current.stop:
            current = range(current.start, jid + 1)
            continue
        if current is not None:
            yield current
        current = range(jid, jid + 1)
    if current is not None:
        yield current


class Elsewhere:
    """Stands for the session of a handle that was pickled: the same number means another job there.

    The handle works again where a session has the same origin.
    """

    is_lost = True

    def __init__(self, origin: str) -> None:
        self.origin = origin


def _origin_of(session: JobSession | Elsewhere | None) -> str | None:
    return None if session is None else session.origin


def _loaded_job(jid: int, origin: str | None) -> Job:
    job = Job(jid)
    job._session = None if origin is None else Elsewhere(origin)
    return job


def _loaded_map(ranges: tuple[range, ...], origin: str | None) -> JobMap:
    return JobMap(ranges, None if origin is None else Elsewhere(origin))


def job_of(jid: int, session: JobSession | Elsewhere | None) -> Job:
    """Make the handle of a job."""
    job = Job(jid)
    job._session = session
    return job


# ---------------------------------------------------------------------- the `jobs` argument


def jids_of(jobs: object, session: JobSession) -> tuple[Sequence[int], bool]:
    """Read a `jobs` argument: the numbers, and whether it was a single job.

    Raises:
        TypeError: something that is no job.
        ValueError: a number that no job can have, or the job of another session.
    """
    if isinstance(jobs, int):
        return [_jid_of(jobs, session)], True
    return _many(jobs, session), False


def _many(jobs: object, session: JobSession) -> Sequence[int]:
    if isinstance(jobs, JobMap):
        if jobs._session is not session:
            _check_origin(jobs._session, session)
        return jobs.jids
    if isinstance(jobs, str | bytes | bytearray) or not isinstance(jobs, Iterable):
        raise TypeError(f"expected a job, its number, or an iterable of these, not {jobs!r:.80}")
    jids: list[int] = []
    for each in jobs:
        if type(each) is Job and each._session is session:
            jids.append(int(each))
        elif isinstance(each, JobMap):
            jids.extend(_many(each, session))
        else:
            jids.append(_jid_of(each, session))
    return jids


def _jid_of(job: object, session: JobSession) -> int:
    if not isinstance(job, int) or isinstance(job, bool):
        raise TypeError(f"expected a job or its number, not {job!r:.80}")
    if not 0 <= job <= MAX_INT:  # a larger one fits into no message
        raise ValueError(f"no job has the number {int(job)}")
    if isinstance(job, Job):
        _check_origin(job._session, session)
    return int(job)


def _check_origin(other: JobSession | Elsewhere | None, session: JobSession) -> None:
    if other is not None and other.origin != session.origin:
        raise _of_another_session()


def _of_another_session() -> ValueError:
    return ValueError("this job is of another cloud session: use the verbs of that one")
