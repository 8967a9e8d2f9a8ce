"""The cores of a worker that serve certain core types, and who gets what waits for them.

A planner: `next_step` looks at the backlog and the interpreters and says which interpreter is
given which attempts next. It changes nothing but the lines of those that wait.

Attempts that were asleep and are to go on come before all new work. New work goes depth first: a
core that a sleeper lent is kept for a moment for what is more urgent than the sleeper, since the
jobs that it waits for are about to arrive, and one that such a job leaves is kept for the sleeper.
Otherwise every round trip to the master would open another branch of a recursion, and each of
these holds on to a process until it comes to its end.
"""

from collections import deque
from collections.abc import Iterator

from picloud.protocol.jobs import SlotPool
from picloud.statemachine import value
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.backlog import Backlog
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.states import Busy, Ending, Idle, Lending, Woken


@value
class NeedInterpreter:
    """Start an interpreter for this attempt; it is given to it when it is asked for again."""

    attempt: Attempt


@value
class Give:
    """Give these attempts to this interpreter."""

    interpreter: Interpreter
    attempts: list[Attempt]


@value
class Resume:
    """Give this interpreter its cores back: its attempt goes on."""

    interpreter: Interpreter


@value
class Relieve:
    """Have this interpreter give back what it has not started: a core has nothing to do."""

    interpreter: Interpreter


PoolStep = Give | NeedInterpreter | Resume | Relieve


@value
class _Reservation:
    """A core that only attempts of at least this rank, or one that was asleep, may have."""

    rank: int
    until: float


class Pool:
    """One pool: its cores, its backlog and its interpreters.

    Attributes:
        interpreters: those that occupy cores or may do so at once, by number.
        lending: those whose attempt sleeps or waits for its cores.
        woken: those of them that are to go on, in the order in which they woke.
        is_holding_back: what waits is held back: for something more urgent, or since many sleep.
    """

    def __init__(self, number: int, offer: SlotPool) -> None:
        self.number = number
        self.core_types = offer.core_types
        self.cores = offer.cores
        self.backlog = Backlog()
        self.interpreters: dict[int, Interpreter] = {}
        self.lending: dict[int, Interpreter] = {}
        self.woken: deque[Interpreter] = deque()
        self.is_holding_back = False
        self._reservations: list[_Reservation] = []

    def sort_in(self, interpreter: Interpreter) -> None:
        """Put an interpreter, whose state may have changed, where it belongs."""
        lends = type(interpreter.state) in _LENDERS
        if lends != (interpreter.id in self.lending):
            here, there = self.interpreters, self.lending
            if not lends:
                here, there = there, here
            del here[interpreter.id]
            there[interpreter.id] = interpreter

    def remove(self, interpreter: Interpreter) -> None:
        """Forget one that has ended."""
        self.interpreters.pop(interpreter.id, None)
        self.lending.pop(interpreter.id, None)
        if type(interpreter.state) is Woken:
            self.woken.remove(interpreter)

    def reserve(self, rank: int, now: float) -> None:
        """Keep a core for a moment for attempts of at least this rank.

        There are no more reservations than cores; the most urgent ones count.
        """
        reservations = self._reservations
        reservations.append(_Reservation(rank, now + settings.RESERVATION))
        if len(reservations) > self.cores:
            reservations.remove(min(reservations, key=_rank_of))

    def free_cores(self) -> int:
        """Cores that no interpreter occupies. One that is ending still occupies its cores."""
        free = self.cores
        for interpreter in self.interpreters.values():
            if type(interpreter.state) is not Idle:
                free -= interpreter.cores
        return free

    def next_step(self, now: float, least_rank: int = 0) -> PoolStep | None:
        """What to do next for those that wait; None when nothing can be done now.

        What ranks lower than `least_rank` is held back.
        """
        self.is_holding_back = False
        while self.woken:
            interpreter = self.woken[0]
            if type(interpreter.state) is Woken:
                if interpreter.cores > self.free_cores():
                    return None  # nothing new starts before it
                self.woken.popleft()
                self._use_reservation(interpreter.cores, _rank_of_sleeper(interpreter) + 1)
                return Resume(interpreter)
            self.woken.popleft()
        first = self.backlog.first(least_rank)
        if first is None:
            self.is_holding_back = len(self.backlog) > 0
            return self._relief(now) if not self.is_holding_back else None
        cores = first.spec.spec.cores
        if cores <= (free := self.free_cores()):
            if cores > free - self._kept_from(first, now):
                self.is_holding_back = True
                return None
            idle = self._idle_for(first)
            if idle is None:
                return NeedInterpreter(first)
            self._use_reservation(cores, first.rank)
            return Give(idle, self._take(idle, first, least_rank))
        for interpreter in self._streaming(first):
            return Give(interpreter, self._take(interpreter, first, least_rank))
        return None

    def _relief(self, now: float) -> Relieve | None:
        """Nothing waits: if a core is free, it can have what waits behind running attempts."""
        for interpreter in self.interpreters.values():
            if len(interpreter.outstanding) > 1 and (
                abs(interpreter.work_left(now)) >= settings.RELIEVED_FROM
            ):
                last = next(reversed(interpreter.outstanding.values()))
                if interpreter.cores <= self.free_cores() - self._kept_from(last, now):
                    return Relieve(interpreter)
        return None

    def _kept_from(self, attempt: Attempt, now: float) -> int:
        """Cores that are kept for what is more urgent than this attempt."""
        if not self._reservations:
            return 0
        # They are made for sleepers and their jobs.
        live = [one for one in self._reservations if one.until >= now and self.lending]
        self._reservations = live
        return sum(one.rank > attempt.rank for one in live)

    def _use_reservation(self, cores: int, rank: int) -> None:
        """Cores are taken, by an attempt of this rank or by the sleeper that has waited for it."""
        if not self._reservations:
            return
        fits = [one for one in self._reservations if one.rank <= rank]
        for one in sorted(fits, key=_rank_of)[-cores:]:
            self._reservations.remove(one)

    def _idle_for(self, attempt: Attempt) -> Interpreter | None:
        """A warm interpreter with the attempt's key; a fresh one if it must be the only job."""
        for interpreter in self.interpreters.values():
            if (
                type(interpreter.state) is Idle
                and interpreter.key == attempt.spec.key
                and (interpreter.is_fresh or not attempt.spec.spec.kill_process)
            ):
                return interpreter
        return None

    def _streaming(self, attempt: Attempt) -> Iterator[Interpreter]:
        """Busy interpreters that should have more such attempts ready, the emptiest first."""
        candidates = [
            interpreter
            for interpreter in self.interpreters.values()
            if type(interpreter.state) is Busy
            and interpreter.key == attempt.spec.key
            and interpreter.room(attempt.spec, attempt.rank) > 0
        ]
        yield from sorted(candidates, key=lambda one: len(one.outstanding))

    def _take(self, interpreter: Interpreter, first: Attempt, least_rank: int) -> list[Attempt]:
        """Take as many attempts like the first one as the interpreter should have.

        What waits is shared out evenly, so that no core goes idle while another has a line.
        """
        fair = -(-len(self.backlog) // self.cores)
        return self.backlog.take(min(interpreter.room(first.spec, first.rank), fair), least_rank)

    def surplus(self) -> Iterator[Interpreter]:
        """Idle interpreters beyond those worth keeping warm, the longest idle first."""
        idle = [one for one in self.interpreters.values() if type(one.state) is Idle]
        living = sum(type(one.state) is not Ending for one in self.interpreters.values())
        excess = living - settings.SPARE_INTERPRETERS * self.cores
        if excess > 0:
            yield from sorted(idle, key=_idle_since)[:excess]


_LENDERS = frozenset({Lending, Woken})


def _rank_of(reservation: _Reservation) -> int:
    return reservation.rank


def _rank_of_sleeper(interpreter: Interpreter) -> int:
    return next((one.rank for one in interpreter.outstanding.values()), 0)


def _idle_since(interpreter: Interpreter) -> float:
    state = interpreter.state
    return state.since if isinstance(state, Idle) else 0.0
