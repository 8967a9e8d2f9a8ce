"""Which of the user's own modules the jobs of a session were given, to load their results with.

A result names modules that the function of its job needed; a job that reads it may need no others
itself. So whoever is given the handles of jobs, or waits for these, is given their modules as well.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from picloud.code.modules.scan import Scan
from picloud.code.unshippable import Unshippable

MOST = 10_000
"""Runs of jobs that are remembered; the oldest are forgotten."""

NONE: frozenset[str] = frozenset()


class NeededModules:
    """The roots of the trees of a session's jobs, by ranges of ids; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starts: list[int] = []  # in order
        self._runs: list[tuple[int, frozenset[str]]] = []  # where each of them stops, and its roots

    def note(self, first: int, stop: int, roots: frozenset[str]) -> None:
        """These jobs have the modules that these roots need."""
        with self._lock:
            place = bisect_left(self._starts, first)  # mostly the end
            if place and self._runs[place - 1] == (first, roots):
                self._runs[place - 1] = stop, roots
                return
            self._starts.insert(place, first)
            self._runs.insert(place, (stop, roots))
            if len(self._starts) > MOST:
                del self._starts[: MOST // 10], self._runs[: MOST // 10]

    def of(self, *handles: Iterable[int] | None) -> frozenset[str]:
        """The roots that jobs of these ranges need, given as `first, stop` of each."""
        if not self._starts:
            return NONE
        found: set[frozenset[str]] = set()
        with self._lock:
            for ranges in handles:
                flat = iter(ranges or ())
                for first, stop in zip(flat, flat, strict=True):
                    found.update(self._within(first, stop))
        return NONE.union(*found)

    def _within(self, first: int, stop: int) -> Iterable[frozenset[str]]:
        begin = max(bisect_right(self._starts, first) - 1, 0)
        end = bisect_left(self._starts, stop)
        return [roots for ends, roots in self._runs[begin:end] if ends > first]


def scan_with(
    scan: Callable[[frozenset[str], tuple[str, ...] | None], Scan],
    roots: frozenset[str],
    needed: frozenset[str],
    transfer: Any,
) -> tuple[Scan, frozenset[str]]:
    """What travels of the user's own modules, and what it is for.

    Args:
        scan: finds what such roots need.
        roots: of a job.
        needed: by other jobs. What they were given may be broken by now; this one may do without.
        transfer: the option `transfer_modules`, checked.

    Raises:
        Unshippable: something that the job needs itself cannot travel.
    """
    only = None if transfer is True else transfer
    if needed:
        with suppress(Unshippable):
            return scan(roots | needed, only), roots | needed
    return scan(roots, only), roots
