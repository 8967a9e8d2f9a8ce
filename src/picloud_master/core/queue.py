"""Jobs that wait for a slot: by priority, then fair share between owners, then age.

One line per priority and owner, so that taking jobs costs the same however many wait. A job
that was killed while it waited stays in its line and is passed over when its turn comes; one that
is wider than every worker is set aside until there is a wider one, so that it blocks nobody.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import Queued


class JobQueue:
    """The waiting jobs of one core type."""

    def __init__(self) -> None:
        self._lines: dict[int, dict[str, deque[JobActor]]] = {}
        self._priorities: list[int] = []
        self._widest = sys.maxsize
        self._aside: list[JobActor] = []

    def append(self, jobs: Iterable[JobActor], priority: int, owner: str) -> None:
        """Add jobs behind all others of their owner and priority."""
        self._line(priority, owner).extend(jobs)

    def put_back(self, job: JobActor) -> None:
        """Add a job ahead of all others of its owner and priority: it has waited before."""
        self._line(job.spec.priority, job.submission.owner).appendleft(job)

    def fit(self, widest: int) -> None:
        """From now on, set aside what needs more cores than this; take back what does no more."""
        if widest > self._widest and self._aside:
            aside, self._aside = self._aside, []
            waiting = [job for job in aside if type(job.state) is Queued]
            for job in sorted(waiting, key=_age, reverse=True):
                self.put_back(job)
        self._widest = widest

    def is_empty(self) -> bool:
        """True when no job waits that any worker could run."""
        return not self._priorities or self._next_line({}) is None

    def is_bare(self) -> bool:
        """True when nothing at all is here; False says nothing."""
        return not self._priorities and not self._aside

    def take(self, cores: int, widest: int, shares: Mapping[str, int]) -> list[JobActor]:
        """Take jobs that run next, fit into so many cores together, and none wider than `widest`.

        They are of one owner, the one whose jobs hold the fewest cores now (`shares`). Where
        several owners wait, each gets its part of the cores only. If the first job needs more
        than there is, nothing is taken: smaller ones must not overtake it for ever.
        """
        line, owners = self._next_line(shares) or (None, 0)
        if line is None:
            return []
        left = cores if owners == 1 else min(cores, max(line[0].spec.cores, cores // owners))
        jobs: list[JobActor] = []
        while line:
            job = line[0]
            if type(job.state) is Queued:
                need = job.submission.spec.spec.cores
                if need > left or need > widest:
                    break
                left -= need
                jobs.append(job)
            line.popleft()
        return jobs

    def waiting(self) -> Iterator[JobActor]:
        """All waiting jobs, those with a chance by priority first; for counts and cross-checks."""
        for priority in self._priorities:
            for line in self._lines[priority].values():
                yield from (job for job in line if type(job.state) is Queued)
        yield from (job for job in self._aside if type(job.state) is Queued)

    def count_ahead(self, job: JobActor) -> int:
        """How many waiting jobs are more urgent than this one, or of its owner and older."""
        priority, owner = job.spec.priority, job.submission.owner
        count = 0
        for other in self.waiting():
            if other is job:
                break
            count += other.spec.priority < priority or other.submission.owner == owner
        return count

    def _next_line(self, shares: Mapping[str, int]) -> tuple[deque[JobActor], int] | None:
        """The line whose first job runs next, and how many owners wait at its priority."""
        while self._priorities:
            owners = self._lines[self._priorities[0]]
            for owner in [name for name, line in owners.items() if not self._settle(line)]:
                del owners[owner]
            if len(owners) == 1:
                return next(iter(owners.values())), 1
            if owners:
                owner = min(owners, key=lambda name: shares.get(name, 0))
                return owners[owner], len(owners)
            del self._lines[self._priorities.pop(0)]
        return None

    def _line(self, priority: int, owner: str) -> deque[JobActor]:
        owners = self._lines.get(priority)
        if owners is None:
            owners = self._lines[priority] = {}
            self._priorities = sorted(self._lines)
        line = owners.get(owner)
        if line is None:
            line = owners[owner] = deque()
        return line

    def _settle(self, line: deque[JobActor]) -> bool:
        """Drop leading jobs that wait no more or fit nowhere; False when the line is empty."""
        while line:
            job = line[0]
            if type(job.state) is Queued:
                if job.submission.spec.spec.cores <= self._widest:
                    return True
                self._aside.append(job)
            line.popleft()
        return False


def _age(job: JobActor) -> int:
    return job.id
