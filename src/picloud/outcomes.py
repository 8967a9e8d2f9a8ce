"""Who waits for the outcome of which job; lives on the engine's loop.

An outcome is the result's bytes, None (done, bytes not asked for), or the message that says
otherwise. Bytes stay bytes here: values are unpickled in the thread that asked for them.

A collector takes the outcomes of its jobs, each for a position among them. The table knows the
collectors of each watched job; a job with one of them, the usual case, costs one pair.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Protocol

from picloud.protocol.client_messages import JobFailed, JobsInCycle, JobsUnknown
from picloud.waiters import Waiter, Wake, Way

Outcome = bytes | None | JobFailed | JobsUnknown | JobsInCycle


class Pending:
    """Stands for an outcome that is not known yet."""


PENDING = Pending()
UNKNOWN = JobsUnknown([])
IN_CYCLE = JobsInCycle([])


class Collector(Protocol):
    """Takes outcomes, on the engine's loop."""

    jids: Sequence[int]
    wants_results: bool
    way: Way | None
    """How those who wait for it must wait, where that is not by themselves (`waiters`)."""

    def put(self, position: int, outcome: Outcome) -> None:
        """The job at this position has its outcome."""

    def lose(self) -> None:
        """The master is gone, nothing more will come."""


class Gather(Waiter):
    """Waits for all of its jobs, or for the first that did not succeed."""

    __slots__ = ("_fails_fast", "failed", "jids", "missing", "outcomes", "wants_results")

    def __init__(self, jids: Sequence[int], *, wants_results: bool, fails_fast: bool) -> None:
        super().__init__()
        self.jids = jids
        self.outcomes: list[Outcome | Pending] = [PENDING] * len(jids)
        self.missing = len(jids)
        self.wants_results = wants_results
        self.failed: int | None = None
        self._fails_fast = fails_fast

    def put(self, position: int, outcome: Outcome) -> None:
        """See `Collector`."""
        self.outcomes[position] = outcome
        self.missing -= 1
        if self._fails_fast and type(outcome) is not bytes and outcome is not None:
            if self.failed is None:
                self.failed = position
            self.set()
        elif not self.missing:
            self.set()

    def lose(self) -> None:
        """See `Collector`."""
        self.set(Wake.LOST)

    def first_unfinished(self) -> int | None:
        """The first of the jobs whose outcome is not known."""
        for jid, outcome in zip(self.jids, self.outcomes, strict=True):
            if outcome is PENDING:
                return jid
        return None


class Stream:
    """Hands outcomes to one reader as they come.

    The engine puts; the reader, in its own thread, looks at `outcomes` and `arrived`, and waits
    on what `next_arrival` gives.
    """

    def __init__(self, jids: Sequence[int], *, wants_results: bool) -> None:
        self.jids = jids
        self.wants_results = wants_results
        self.outcomes: list[Outcome | Pending] = [PENDING] * len(jids)
        self.arrived: list[int] = []  # positions, in order of completion
        self.is_lost = False
        self.way: Way | None = None
        self._waiter: Waiter | None = None

    def put(self, position: int, outcome: Outcome) -> None:
        """See `Collector`."""
        self.outcomes[position] = outcome
        self.arrived.append(position)
        if self._waiter is not None:
            self._waiter.set()

    def lose(self) -> None:
        """See `Collector`."""
        self.is_lost = True
        if self._waiter is not None:
            self._waiter.set(Wake.LOST)

    def first_unfinished(self) -> int:
        """The first of the jobs whose outcome is not known; the last one if all are."""
        missing = (
            jid for jid, each in zip(self.jids, self.outcomes, strict=True) if each is PENDING
        )
        return next(missing, self.jids[-1])

    def next_arrival(self, is_here: Callable[[], bool]) -> Waiter:
        """Make a waiter for the next outcome; it is set already if `is_here` is true by now."""
        self._waiter = waiter = Waiter()
        waiter.way = self.way
        # Looked at again after the waiter is in place: the engine puts first, then wakes.
        if self.is_lost:
            waiter.set(Wake.LOST)
        elif is_here():
            waiter.set()
        return waiter


Place = tuple[Collector, int]


def _places(known: Place | list[Place]) -> list[Place]:
    return known if isinstance(known, list) else [known]


def _dropped(jid: int, outcome: Outcome) -> None:
    """Nobody waits for it any more."""


class OutcomeTable:
    """The collectors of each watched job."""

    def __init__(self) -> None:
        self._places: dict[int, Place | list[Place]] = {}

    def add(self, collector: Collector) -> Sequence[int]:
        """Enter a collector; return those of its jobs that must be watched for it."""
        jids = collector.jids
        places = self._places
        if len(jids) == 1:  # somebody awaits job after job
            return jids if self._enter(jids[0], (collector, 0)) else []
        if places.keys().isdisjoint(jids):
            before = len(places)
            places.update(zip(jids, zip(repeat(collector), range(len(jids)))))  # noqa: B905 - endless
            if len(places) - before == len(jids):
                return jids
            for jid in jids:  # a job twice in one list: enter them one by one after all
                places.pop(jid, None)
        return [jid for position, jid in enumerate(jids) if self._enter(jid, (collector, position))]

    def _enter(self, jid: int, place: Place) -> bool:
        """Enter one job; True if it is not yet watched as this collector needs it."""
        known = self._places.get(jid)
        if known is None:
            self._places[jid] = place
            return True
        wanted = place[0].wants_results
        is_new = wanted and not any(other.wants_results for other, _ in _places(known))
        if isinstance(known, list):
            known.append(place)  # in place: a job may be named very often
        else:
            self._places[jid] = [known, place]
        return is_new

    def remove(self, collector: Collector) -> None:
        """Forget a collector that waits no more."""
        places = self._places
        for jid in collector.jids:
            known = places.get(jid)
            if type(known) is list:
                rest = [place for place in known if place[0] is not collector]
                if rest:
                    places[jid] = rest
                else:
                    del places[jid]
            elif known is not None and known[0] is collector:
                del places[jid]

    def done(
        self,
        jids: Iterable[int],
        results: Iterable[bytes | None],
        unclaimed: Callable[[int, Outcome], object] = _dropped,
    ) -> list[int]:
        """Deliver; return the jobs whose result's bytes must be asked for again.

        `unclaimed` takes the outcomes that nobody waits for.
        """
        pop = self._places.pop
        again: list[int] = []
        for jid, result in zip(jids, results, strict=True):
            place = pop(jid, None)
            if type(place) is tuple and result is not None:
                place[0].put(place[1], result)
            elif place is None:
                unclaimed(jid, result)
            elif self._deliver(jid, place, result):
                again.append(jid)
        return again

    def ended(self, jid: int, outcome: Outcome) -> bool:
        """Deliver an outcome that is no result; False if nobody waits for it."""
        place = self._places.pop(jid, None)
        if place is not None:
            self._deliver(jid, place, outcome)
        return place is not None

    def lose(self) -> None:
        """Tell all collectors that the master is gone."""
        places, self._places = self._places, {}
        collectors: dict[int, Collector] = {}
        for known in places.values():
            for collector, _ in _places(known):
                collectors[id(collector)] = collector
        for collector in collectors.values():
            collector.lose()

    def _deliver(self, jid: int, known: Place | list[Place], outcome: Outcome) -> bool:
        """True if some collector needs bytes and there were none: it stays entered."""
        rest: list[Place] = []
        for place in _places(known):
            collector, position = place
            if outcome is None and collector.wants_results:
                rest.append(place)
            else:
                collector.put(position, outcome)
        if rest:
            self._places[jid] = rest
        return bool(rest)
