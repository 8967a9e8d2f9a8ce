"""Which exceptions go with one that travels, and how they are linked.

What one came from, its `__cause__` and `__context__`, and what a group holds: the nearest first, as
far as they are allowed, and each of them once, so that what is shared stays shared.
"""

MAX_EXCEPTIONS = 1_000
"""In one failure: along `__cause__` and `__context__`, and in exception groups."""

MAX_DEPTH = 100
"""How many links lead to one of them, at most."""


class LinkedExceptions:
    """All that have been found so far, each at its place.

    A link that would close a circle is left out: nobody who follows links goes round for ever.
    """

    def __init__(self, first: BaseException) -> None:
        self.errors = [first]
        self.copies: set[int] = set()
        self._depths = [0]
        self._places = {id(first): 0}
        self._links: list[set[int]] = [set()]

    def origin(self, start: int, error: BaseException) -> int | None:
        """The place of what the one at `start` came from; None if there is none for it."""
        place = self._places.get(id(error))
        if place is None:
            place = self._add(start, error)
            if place is not None:
                self._places[id(error)] = place
        if place is not None:
            self._links[start].add(place)
        return place

    def member(self, start: int, error: BaseException) -> int | None:
        """The place of what the group at `start` holds; None if there is none for it.

        Where the group comes from what it holds, a copy without links closes no circle. There is
        none of a group, whose members might.
        """
        if not self.is_circle(start, error):
            return self.origin(start, error)
        if isinstance(error, BaseExceptionGroup):
            return None
        place = self._add(start, error)
        if place is not None:
            self.copies.add(place)
        return place

    def is_circle(self, start: int, error: BaseException) -> bool:
        """Whether a link from the place to this exception would close one."""
        place = self._places.get(id(error))
        return place is not None and self._leads(place, start)

    def _add(self, start: int, error: BaseException) -> int | None:
        depth = self._depths[start] + 1
        if len(self.errors) >= MAX_EXCEPTIONS or depth > MAX_DEPTH:
            return None
        self.errors.append(error)
        self._depths.append(depth)
        self._links.append(set())
        return len(self.errors) - 1

    def _leads(self, start: int, end: int) -> bool:
        seen, todo = {start}, [start]
        while todo:
            place = todo.pop()
            if place == end:
                return True
            new = self._links[place] - seen
            seen |= new
            todo += new
        return False
