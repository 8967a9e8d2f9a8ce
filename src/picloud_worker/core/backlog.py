"""Attempts that wait for an interpreter: by priority, then age."""

from collections import deque

from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.states import Waiting


class Backlog:
    """The waiting attempts of one pool. One that was stopped meanwhile is passed over."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[Attempt]] = {}
        self._priorities: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, attempt: Attempt) -> None:
        """Add an attempt behind the others of its priority."""
        self._line(attempt).append(attempt)
        self._count += 1

    def put_back(self, attempt: Attempt) -> None:
        """Add an attempt ahead of the others of its priority: it has waited before."""
        self._line(attempt).appendleft(attempt)
        self._count += 1

    def first(self) -> Attempt | None:
        """The attempt that is to run next."""
        while self._priorities:
            line = self._lines[self._priorities[0]]
            while line:
                if type(line[0].state) is Waiting:
                    return line[0]
                self._drop_first(line)
            del self._lines[self._priorities.pop(0)]
        return None

    def pop_first(self) -> None:
        """Take out the attempt that `first` returned."""
        self._drop_first(self._lines[self._priorities[0]])

    def pop_last(self) -> Attempt | None:
        """Take out the attempt that would run last."""
        for priority in reversed(self._priorities):
            line = self._lines[priority]
            while line:
                attempt = line.pop()
                self._count -= 1
                if type(attempt.state) is Waiting:
                    return attempt
        return None

    def _drop_first(self, line: deque[Attempt]) -> None:
        line.popleft()
        self._count -= 1

    def _line(self, attempt: Attempt) -> deque[Attempt]:
        priority = attempt.spec.spec.priority
        line = self._lines.get(priority)
        if line is None:
            line = self._lines[priority] = deque()
            self._priorities = sorted(self._lines)
        return line
