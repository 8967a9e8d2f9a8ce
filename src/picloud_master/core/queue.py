"""Jobs that wait for a slot: by priority, fair share between owners, rank, then age.

One line per priority, owner and rank, so that taking jobs costs the same however many wait. What
does not count any more stays in its line and is passed over when its turn comes: a job that was
killed while it waited, or one that has become more urgent, which has another entry elsewhere. A
job that is wider than every worker is set aside until there is a wider one: it blocks nobody.

There is a queue for each core type and Python. Its jobs run on workers with that Python; those
with an environment of their own run on all.
"""

import sys
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from picloud.protocol.jobs import JobSpec
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import Queued

QueueKey = tuple[str, str]
"""A core type, and the minor version of a Python."""


def key_of(spec: JobSpec) -> QueueKey:
    """The queue of a job."""
    return spec.core_type, spec.python


class RankedLine:
    """The waiting jobs of one owner and priority: a queue for each rank, higher ones first."""

    __slots__ = ("by_rank", "priority", "ranks")

    def __init__(self, priority: int, rank: int) -> None:
        self.priority = priority
        self.by_rank: dict[int, deque[JobActor]] = {rank: deque()}
        self.ranks = [rank]  # rising: the last one goes first

    def of(self, rank: int) -> deque[JobActor]:
        """The queue of a rank, made if there is none."""
        found = self.by_rank.get(rank)
        if found is None:
            found = self.by_rank[rank] = deque()
            insort(self.ranks, rank)
        return found

    def drop_highest(self) -> None:
        """Its queue is empty."""
        del self.by_rank[self.ranks.pop()]

    def waiting(self) -> Iterator[JobActor]:
        """Those that count, in order."""
        for rank in reversed(self.ranks):
            for job in self.by_rank[rank]:
                if type(job.state) is Queued and job.rank == rank and job.priority == self.priority:
                    yield job


class JobQueue:
    """The waiting jobs of one core type and Python."""

    def __init__(self) -> None:
        self._lines: dict[int, dict[str, RankedLine]] = {}
        self._priorities: list[int] = []
        self._widest = self._widest_anywhere = sys.maxsize
        self._aside: dict[JobActor, None] = {}

    def append(self, jobs: Iterable[JobActor], priority: int, owner: str, rank: int = 0) -> None:
        """Add jobs behind all others of their owner, priority and rank."""
        self._queue(priority, owner, rank).extend(jobs)

    def enter(self, job: JobActor) -> None:
        """Add one job behind all others of its owner, priority and rank, which may have risen."""
        if job not in self._aside:
            self._queue(job.priority, job.submission.owner, job.rank).append(job)

    def put_back(self, job: JobActor) -> None:
        """Add a job ahead of all others of its owner, priority and rank: it has waited before."""
        self._queue(job.priority, job.submission.owner, job.rank).appendleft(job)

    def fit(self, widest: int, anywhere: int | None = None) -> None:
        """From now on, set aside what needs more cores than this; take back what does no more.

        Args:
            anywhere: cores that a job may need which runs on workers with any Python.
        """
        anywhere = widest if anywhere is None else anywhere
        if self._aside and (widest > self._widest or anywhere > self._widest_anywhere):
            aside, self._aside = self._aside, {}
            waiting = [job for job in aside if type(job.state) is Queued]
            for job in sorted(waiting, key=_age, reverse=True):
                self.put_back(job)
        self._widest, self._widest_anywhere = widest, anywhere

    def is_empty(self) -> bool:
        """True when no job waits that any worker could run."""
        return not self._priorities or self._next_line({}) is None

    def is_bare(self) -> bool:
        """True when nothing at all is here; False says nothing."""
        return not self._priorities and not self._aside

    def take(
        self,
        room: Callable[[int], int],
        widest: int,
        shares: Mapping[str, int],
        has_python: bool = True,
    ) -> list[JobActor]:
        """Take jobs that run next, fit into the cores that there are for their rank (`room`)
        together, and none wider than `widest`.

        They are of one owner, the one whose jobs hold the fewest cores now (`shares`), and of one
        rank. Where several owners wait, each gets its part of the cores only. If the first job
        needs more than there is, nothing is taken: smaller ones must not overtake it for ever.
        Nor is it if the worker has another Python, unless the job brings its own.
        """
        line, owners = self._next_line(shares) or (None, 0)
        if line is None:
            return []
        rank = line.ranks[-1]
        queue = line.by_rank[rank]
        cores = room(rank)
        if cores < 1 and len(self._priorities) > 1:
            line, owners = self._nested_line(rank) or (line, owners)
            rank = line.ranks[-1]
            queue = line.by_rank[rank]
            cores = room(rank)
        left = cores if owners == 1 else min(cores, max(queue[0].spec.cores, cores // owners))
        jobs: list[JobActor] = []
        while queue:
            job = queue[0]
            if type(job.state) is Queued and job.rank == rank and job.priority == line.priority:
                need = job.submission.spec.spec.cores
                if need > left or need > widest:
                    break
                if not has_python and not job.submission.spec.spec.environment:
                    break
                left -= need
                jobs.append(job)
            queue.popleft()
        return jobs

    def waiting(self) -> Iterator[JobActor]:
        """All waiting jobs, those with a chance by priority first; for counts and cross-checks."""
        for priority in self._priorities:
            for line in self._lines[priority].values():
                yield from line.waiting()
        yield from (job for job in self._aside if type(job.state) is Queued)

    def counts_ahead(self) -> dict[JobActor, int]:
        """For each waiting job, how many are more urgent, or of its owner and older."""
        counts: dict[JobActor, int] = {}
        more_urgent = 0
        for priority in self._priorities:
            together = 0
            for line in self._lines[priority].values():
                own = 0
                for own, job in enumerate(line.waiting(), 1):
                    counts[job] = more_urgent + own - 1
                together += own
            more_urgent += together
        return counts

    def _next_line(self, shares: Mapping[str, int]) -> tuple[RankedLine, int] | None:
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

    def _nested_line(self, rank: int) -> tuple[RankedLine, int] | None:
        """The first line of a less urgent priority that ranks higher: others wait for it, and what
        fills the window of a worker may be held back there for them."""
        for priority in self._priorities[1:]:
            owners = self._lines[priority]
            for line in owners.values():
                if self._settle(line) and line.ranks[-1] > rank:
                    return line, len(owners)
        return None

    def _queue(self, priority: int, owner: str, rank: int) -> deque[JobActor]:
        owners = self._lines.get(priority)
        if owners is None:
            owners = self._lines[priority] = {}
            self._priorities = sorted(self._lines)
        line = owners.get(owner)
        if line is None:
            line = owners[owner] = RankedLine(priority, rank)
        return line.of(rank)

    def _settle(self, line: RankedLine) -> bool:
        """Drop leading entries that count no more or fit nowhere; False when the line is empty."""
        while line.ranks:
            rank = line.ranks[-1]
            queue = line.by_rank[rank]
            while queue:
                job = queue[0]
                if type(job.state) is Queued and job.rank == rank and job.priority == line.priority:
                    spec = job.submission.spec.spec
                    widest = self._widest_anywhere if spec.environment else self._widest
                    if spec.cores <= widest:
                        return True
                    self._aside[job] = None
                queue.popleft()
            line.drop_highest()
        return False


def _age(job: JobActor) -> int:
    return job.id
