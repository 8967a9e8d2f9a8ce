"""Sets of job ids as few ranges: a hundred thousand children that came together are one."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

_FEW = 16
"""So many ranges are put in one by one; more are sorted in all at once."""


class Holdings:
    """Job ids, as sorted ranges that neither overlap nor touch."""

    __slots__ = ("_bounds",)

    def __init__(self) -> None:
        # first, stop, first, stop, …: an id is inside if an odd number of bounds is not above it.
        self._bounds: list[int] = []

    @classmethod
    def of(cls, handles: Sequence[int]) -> "Holdings":
        """The jobs of `protocol.jobs.Handles`, in any order; what is no range is left out."""
        made = cls()
        if not handles:
            return made
        pairs = zip(handles[::2], handles[1::2], strict=False)
        for first, stop in sorted(pair for pair in pairs if pair[0] < pair[1]):
            made.add(first, stop)
        return made

    def copy(self) -> "Holdings":
        """The same ids, to be changed apart."""
        made = Holdings()
        made._bounds = self._bounds.copy()
        return made

    def add(self, first: int, stop: int) -> None:
        """Put `first` to `stop - 1` in; costs nothing when ids rise."""
        bounds = self._bounds
        if not bounds or first > bounds[-1]:
            bounds += (first, stop)
        elif first == bounds[-1]:
            bounds[-1] = stop
        else:
            left, right = bisect_left(bounds, first), bisect_right(bounds, stop)
            kept = [first] if left % 2 == 0 else []
            if right % 2 == 0:
                kept.append(stop)
            bounds[left:right] = kept

    def update(self, other: "Holdings") -> None:
        """Put all ids of another in."""
        if len(other._bounds) <= 2 * _FEW:
            for first, stop in other.ranges():
                self.add(first, stop)
        else:
            self._bounds = Holdings.of([*self._bounds, *other._bounds])._bounds

    def __contains__(self, jid: int) -> bool:
        return bisect_right(self._bounds, jid) % 2 == 1

    def __bool__(self) -> bool:
        return bool(self._bounds)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Holdings):
            return NotImplemented
        return self._bounds == other._bounds

    __hash__ = None  # type: ignore[assignment]  # it changes

    def overlaps(self, first: int, stop: int) -> bool:
        """True if one of `first` to `stop - 1` is inside."""
        bounds = self._bounds
        place = bisect_right(bounds, first)
        return place % 2 == 1 or (place < len(bounds) and bounds[place] < stop)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """`first, stop` of each range, rising."""
        bounds = self._bounds
        return zip(bounds[::2], bounds[1::2], strict=True)

    def ids(self) -> Iterator[int]:
        """Each id, rising."""
        return chain.from_iterable(range(first, stop) for first, stop in self.ranges())

    def within(self, other: "Holdings") -> "Holdings":
        """What both have."""
        mine, theirs = self._bounds, other._bounds
        place = bisect_right(theirs, mine[0]) if mine else 0
        if place % 2 and mine[-1] <= theirs[place]:  # all of it is in one range, as most are
            return self.copy()
        shared = Holdings()
        for first, stop in self.ranges():
            for start, end in other._inside(first, stop):
                shared.add(start, end)
        return shared

    def without(self, other: "Holdings") -> "Holdings":
        """What the other does not have."""
        left = Holdings()
        for first, stop in self.ranges():
            start = first
            for taken, end in other._inside(first, stop):
                if start < taken:
                    left.add(start, taken)
                start = end
            if start < stop:
                left.add(start, stop)
        return left

    def _inside(self, first: int, stop: int) -> Iterable[tuple[int, int]]:
        """The parts of the ranges here that lie in `first` to `stop - 1`."""
        bounds = self._bounds
        place = bisect_right(bounds, first) // 2 * 2  # of the first range that ends above `first`
        while place < len(bounds) and bounds[place] < stop:
            yield max(first, bounds[place]), min(stop, bounds[place + 1])
            place += 2

    def __repr__(self) -> str:
        return f"Holdings({', '.join(f'{first}-{stop - 1}' for first, stop in self.ranges())})"
