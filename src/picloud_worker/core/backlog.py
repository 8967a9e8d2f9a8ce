"""Attempts that wait for an interpreter: by priority, then rank, then age."""

from bisect import bisect, insort
from collections import deque

from picloud.protocol import limits
from picloud_worker.core.attempt import states
from picloud_worker.core.attempt.actor import Attempt

_Urgency = tuple[int, int]
"""Priority and the negative of the rank: smaller ones run earlier."""


class Backlog:
    """The waiting attempts of one pool. One that was stopped meanwhile is passed over."""

    def __init__(self) -> None:
        self._lines: dict[_Urgency, deque[Attempt]] = {}
        self._urgencies: list[_Urgency] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def extend(self, attempts: list[Attempt]) -> None:
        """Add attempts of one spec and rank behind the others of their priority and rank."""
        if attempts:
            self._line(attempts[0]).extend(attempts)
            self._count += len(attempts)

    def put_back(self, attempt: Attempt) -> None:
        """Add an attempt that has waited before, or has come from elsewhere, by its age."""
        line = self._line(attempt)
        line.insert(bisect(line, attempt.sequence, key=_age), attempt)
        self._count += 1

    def first(self, least_rank: int = 0) -> Attempt | None:
        """The attempt that is to run next, of those of at least this rank."""
        place = 0
        while place < len(self._urgencies):
            urgency = self._urgencies[place]
            if -urgency[1] < least_rank:
                place += 1
                continue
            line = self._lines[urgency]
            while line:
                if type(line[0].state) is states.Waiting:
                    return line[0]
                self._drop_first(line)
            del self._lines[self._urgencies.pop(place)]
        return None

    def highest_rank(self) -> int:
        """The highest rank that any attempt here has."""
        return max(
            (
                -rank
                for (priority, rank), line in self._lines.items()
                if any(type(attempt.state) is states.Waiting for attempt in line)
            ),
            default=0,
        )

    def take(self, count: int, least_rank: int = 0) -> list[Attempt]:
        """Take out what `first` returned, and up to so many like it, of its spec and rank.

        Large payloads are cut into several messages, so it may be fewer.
        """
        first = self.first(least_rank)
        taken: list[Attempt] = []
        if first is None:
            return taken
        spec, size = first.spec, 0
        line = self._line(first)
        before = len(line)
        while line:
            attempt = line[0]
            if type(attempt.state) is states.Waiting:
                size += len(attempt.payload)
                if taken and (
                    attempt.spec is not spec or len(taken) >= count or size > limits.FRAME_TARGET
                ):
                    break
                taken.append(attempt)
            line.popleft()
        self._count -= before - len(line)
        return taken

    def pop_last(self) -> Attempt | None:
        """Take out the attempt that would run last."""
        for urgency in reversed(self._urgencies):
            line = self._lines[urgency]
            while line:
                attempt = line.pop()
                self._count -= 1
                if type(attempt.state) is states.Waiting:
                    return attempt
        return None

    def _drop_first(self, line: deque[Attempt]) -> None:
        line.popleft()
        self._count -= 1

    def _line(self, attempt: Attempt) -> deque[Attempt]:  # each is sorted by age
        urgency = (attempt.priority, -attempt.rank)
        line = self._lines.get(urgency)
        if line is None:
            line = self._lines[urgency] = deque()
            insort(self._urgencies, urgency)
        return line


def _age(attempt: Attempt) -> int:
    return attempt.sequence
