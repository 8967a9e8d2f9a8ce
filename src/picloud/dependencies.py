"""The option `depends_on`: read once, when it is given, and kept as ranges of job ids."""

import weakref
from collections.abc import Iterator
from typing import Any

from picloud.code.handles import merged
from picloud.grants import Grant, spans
from picloud.job import (
    Elsewhere,
    HandleSession,
    Job,
    JobMap,
    check_origins,
    first_of,
    grants_of,
    origin_of,
)
from picloud.job_arguments import checked_jid, iterated


class Dependencies:
    """Jobs that have to finish before others start.

    Attributes:
        ranges: `first, stop` of each range of ids, as on the wire.
        ignore_errors: they need not succeed.
        grants: what their handles carry, other than those that a session has made itself.
    """

    def __init__(self, jobs: Any, ignore_errors: bool) -> None:
        self.ignore_errors = ignore_errors
        self.grants: list[Grant] = []
        self._origins: dict[str, int] = {}
        self._checked_by: weakref.ref[Any] | None = None
        self.ranges: list[int]
        if isinstance(jobs, Dependencies):
            self.ranges, self.grants, self._origins = jobs.ranges, jobs.grants, jobs._origins
        elif isinstance(jobs, int):
            self.ranges = list(self._span(jobs))  # each call of a chain names one
        else:
            self.ranges = merged(self._spans(jobs))

    def _spans(self, jobs: Any) -> Iterator[tuple[int, int]]:
        if isinstance(jobs, JobMap):
            self._note(jobs)
            for jids in jobs._ranges:
                yield from spans(jids)
        else:
            for each in iterated(jobs):
                if isinstance(each, JobMap):
                    yield from self._spans(each)
                else:
                    yield self._span(each)

    def _span(self, job: object) -> tuple[int, int]:
        jid = checked_jid(job)
        if isinstance(job, Job):
            self._note(job)
        return jid, jid + 1

    def _note(self, jobs: Job | JobMap) -> None:
        session, origin = jobs._session, origin_of(jobs)
        if origin is not None:
            self._origins[origin] = first_of(jobs)
        if session is None or isinstance(session, Elsewhere) or session.is_lost:
            self.grants += grants_of(jobs)

    def check_origin(self, session: HandleSession) -> None:
        """Refuse jobs of another cloud.

        Raises:
            ValueError: there is one.
        """
        check_origins(self._origins, session)

    def is_checked_by(self, session: object) -> bool:
        """Whether the last session that has found all of them is this one."""
        return self._checked_by is not None and self._checked_by() is session

    def set_checked_by(self, session: object) -> None:
        """This session has found all of them."""
        self._checked_by = weakref.ref(session)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """First and stop of each range."""
        flat = iter(self.ranges)
        return zip(flat, flat, strict=True)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dependencies):
            return NotImplemented
        return self.ranges == other.ranges and self.ignore_errors == other.ignore_errors

    def __hash__(self) -> int:
        return hash((tuple(self.ranges), self.ignore_errors))

    def __repr__(self) -> str:
        count = sum(stop - first for first, stop in self.pairs())
        return f"<job {self.ranges[0]}>" if count == 1 else f"<{count} jobs>"
