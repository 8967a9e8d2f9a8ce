"""`Job` and `JobMap`: handles of jobs."""

from __future__ import annotations

import enum
import threading
from bisect import bisect_right
from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

from picloud.code import classes
from picloud.grants import Grant, grant_at, parts_of, spans

if TYPE_CHECKING:
    from concurrent.futures import Future


class _All(enum.Enum):
    ALL = "all jobs"

    def __repr__(self) -> str:
        return "cloud.ALL"


ALL: Final = _All.ALL
"""For `kill`: every unfinished job of the account."""


T = TypeVar("T")


class HandleSession(Protocol):
    """What a handle needs of its session: some verbs, and to know whether it is still the one."""

    origin: str | None
    """Equal for sessions whose jobs are the same; None inside a job, where all jobs that can be
    reached are of the cloud that runs it, and before it is known."""

    @property
    def is_lost(self) -> bool: ...
    def grants(self, first: int, stop: int) -> Sequence[Grant]: ...
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

    _session: HandleSession | Elsewhere | None = None
    _grant: Grant | None = None  # of a handle that was loaded; a session's own are made when needed

    def _verbs(self) -> HandleSession:
        session = self._session
        if session is not None and not isinstance(session, Elsewhere) and not session.is_lost:
            return session
        import picloud  # the process's own session; by then it is another connection, perhaps

        current = picloud.current_session()
        if session is None or _is_same(origin_of(self), current.origin):
            return current
        if isinstance(session, Elsewhere):
            raise _of_another_session(self)
        return session  # its verbs say why it is of no use any more

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
        grant = [part for each in _passed_on(self) for part in each]  # there is at most one
        return _loaded_job, (int(self), _origin_of(self._session), *grant)

    def __picloud_handles__(self) -> tuple[str | None, Iterable[tuple[int, int]]]:
        """Tell the serializer of which cloud this is a handle, and of which job."""
        return origin_of(self), ((int(self), int(self) + 1),)

    def __copy__(self) -> Job:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Job:
        return self


class JobMap(Sequence[Job]):
    """The jobs of one `map`, in the order of its items; a slice of it is one too.

    It holds ranges of numbers: a hundred thousand jobs take no more room than one.
    """

    __slots__ = ("_ends", "_grants", "_ranges", "_session")

    def __init__(
        self,
        ranges: Iterable[range] = (),
        session: HandleSession | Elsewhere | None = None,
        grants: tuple[Grant, ...] = (),
    ) -> None:
        self._ranges = tuple(each for each in ranges if each)
        self._ends = tuple(accumulate(map(len, self._ranges)))
        self._session = session
        self._grants = grants  # in order, of a map that was loaded

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
            return JobMap(self._ranges_at(places), self._session, self._grants)
        place = range(len(self))[index]  # counts from the end and raises as a list does
        jid = self._jid_at(place)
        return job_of(jid, self._session, grant_at(jid, self._grants))

    def __iter__(self) -> Iterator[Job]:
        session, grants = self._session, self._grants
        for each in self._ranges:
            for jid in each:
                yield job_of(jid, session, grant_at(jid, grants) if grants else None)

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
        return _loaded_map, (self._ranges, _origin_of(self._session), tuple(_passed_on(self)))

    def __picloud_handles__(self) -> tuple[str | None, Iterable[tuple[int, int]]]:
        """Tell the serializer of which cloud these are handles, and of which jobs."""
        return origin_of(self), chain.from_iterable(map(spans, self._ranges))

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


def _origin_of(session: HandleSession | Elsewhere | None) -> str | None:
    return None if session is None else session.origin


class _Loading(threading.local):
    """Whose result this thread is unpickling: handles that a job has made are for that session."""

    session: HandleSession | None = None


_loading = _Loading()


class loading:  # noqa: N801 - used like a function
    """Around the loading of what comes from a session's cloud."""

    __slots__ = ("_before", "_session", "_was_result")

    def __init__(self, session: HandleSession) -> None:
        self._session = session

    def __enter__(self) -> None:
        self._before, _loading.session = _loading.session, self._session
        self._was_result, classes.loading.is_result = classes.loading.is_result, True

    def __exit__(self, *_: object) -> None:
        _loading.session = self._before
        classes.loading.is_result = self._was_result


def _session_for(origin: str | None) -> HandleSession | Elsewhere | None:
    if origin is not None:
        return Elsewhere(origin)
    session = _loading.session
    # Inside a job they stay handles that were loaded: that one may have to present them.
    return None if session is None or session.origin is None else session


def _loaded_job(jid: int, origin: str | None, *grant: Any) -> Job:
    return job_of(jid, _session_for(origin), grant or None)


def _loaded_map(
    ranges: tuple[range, ...], origin: str | None, grants: tuple[Grant, ...] = ()
) -> JobMap:
    return JobMap(ranges, _session_for(origin), grants)


def job_of(jid: int, session: HandleSession | Elsewhere | None, grant: Grant | None = None) -> Job:
    """Make the handle of a job."""
    job = Job(jid)
    job._session = session
    if grant is not None:
        job._grant = grant
    return job


# ---------------------------------------------------------------------- capabilities


def grants_of(jobs: Job | JobMap) -> Sequence[Grant]:
    """What these handles can be claimed by, in order.

    Those that were loaded have come with the capabilities of whole ranges, and this process has
    these: it shows one for a range rather than one for each job.
    """
    loaded = _loaded_with(jobs)
    if loaded:
        return [each for each in loaded if _touches(each, _ranges_of(jobs))]
    return _made_for(jobs)


def _passed_on(jobs: Job | JobMap) -> Sequence[Grant]:
    """What travels with these handles: capabilities of these jobs and no others, in order."""
    loaded = _loaded_with(jobs)
    if not loaded:
        return _made_for(jobs)
    return sorted(
        part
        for each in _ranges_of(jobs)
        for first, stop in spans(each)
        for part in parts_of(loaded, first, stop)
    )


def _made_for(jobs: Job | JobMap) -> Sequence[Grant]:
    session = jobs._session
    if session is None or isinstance(session, Elsewhere):
        return []
    if isinstance(jobs, int):
        return session.grants(int(jobs), int(jobs) + 1)
    return sorted(
        grant
        for each in jobs._ranges
        for first, stop in spans(each)
        for grant in session.grants(first, stop)
    )


def _loaded_with(jobs: Job | JobMap) -> tuple[Grant, ...]:
    if isinstance(jobs, JobMap):
        return jobs._grants
    return () if jobs._grant is None else (jobs._grant,)


def _ranges_of(jobs: Job | JobMap) -> tuple[range, ...]:
    return jobs._ranges if isinstance(jobs, JobMap) else (range(int(jobs), int(jobs) + 1),)


def _touches(grant: Grant, ranges: tuple[range, ...]) -> bool:
    first, stop = grant[:2]
    return any(first <= max(each[0], each[-1]) and min(each[0], each[-1]) < stop for each in ranges)


# ---------------------------------------------------------------------- of which cloud

_OF_A_JOB = "the cloud of a job"
"""Stands for the origin of what a job has made, which has none, where another session is used."""


def origin_of(jobs: Job | JobMap) -> str | None:
    """Of which cloud these are; None if nothing is known of that."""
    session = jobs._session
    return None if session is None else session.origin or _OF_A_JOB


def first_of(jobs: Job | JobMap) -> int:
    """The number of the first, to name them by."""
    if isinstance(jobs, int):
        return int(jobs)
    return next((each[0] for each in jobs._ranges), 0)


def check_origins(origins: Mapping[str, int], session: HandleSession) -> None:
    """Refuse jobs of another cloud.

    Args:
        origins: of the jobs, with one job of each.
        session: that is to use them.

    Raises:
        ValueError: there is one.
    """
    for origin, jid in origins.items():
        if not _is_same(origin, session.origin):
            raise _of_another_session(jid)


def _is_same(origin: str | None, current: str | None) -> bool:
    return current is None or origin is None or origin == current


def _of_another_session(jid: int) -> ValueError:
    return ValueError(
        f"job {int(jid)} is of another cloud session: use the verbs of that one; if the "
        "master of that one has ended, as an embedded one does with its session, so has the job"
    )
