"""An interpreter as the agent holds it."""

from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.interpreter.states import Busy, Idle, InterpreterState
from picloud_worker.core.specs import InterpreterKey, KnownSpec


class Interpreter:
    """Identity, facts and the one state of an interpreter.

    Attributes:
        outstanding: attempts that it has, in the order in which it runs them.
        cores: cores that it occupies while it is busy.
        longest: the longest estimated run time among attempts given since it was last idle.
        known_specs: specs that it was sent.
        is_fresh: it has never been given an attempt.
        has_spoken: it has reported something, so it did start.
        single_use: it ends with the attempt that it has.
        seen_running: the attempt that the last tick saw running.
    """

    __slots__ = (
        "cores",
        "has_spoken",
        "id",
        "is_fresh",
        "key",
        "known_specs",
        "longest",
        "outstanding",
        "pool",
        "seen_running",
        "single_use",
        "state",
    )

    def __init__(self, interpreter_id: int, key: InterpreterKey, pool: int, now: float) -> None:
        self.id = interpreter_id
        self.key = key
        self.pool = pool
        self.state: InterpreterState = Idle(now)
        self.outstanding: dict[int, Attempt] = {}
        self.cores = 0
        self.longest = 0.0
        self.known_specs: set[int] = set()
        self.is_fresh = True
        self.has_spoken = False
        self.single_use = False
        self.seen_running = 0

    def room(self, spec: KnownSpec, rank: int) -> int:
        """How many more attempts of this spec and rank it should have ready.

        One at a time until its run time is known, then so many that they run for `WINDOW`
        together; never another one beside an attempt that runs alone or that uses the cloud, as it
        may go to sleep, and none behind more urgent ones.
        """
        if not self.outstanding:
            return (
                1 if spec.spec.runs_alone or spec.estimate.seconds is None else self._window(spec)
            )
        if self.single_use or spec.spec.runs_alone or spec.estimate.seconds is None:
            return 0
        first = next(iter(self.outstanding.values()))
        if first.spec.spec.runs_alone or first.conversation is not None:
            return 0
        if spec.spec.cores != self.cores or first.rank != rank:
            return 0
        return self._window(spec) - len(self.outstanding)

    def work_left(self, now: float) -> float:
        """Seconds that its attempts will take yet, by estimate; less than 0 if they are late."""
        state = self.state
        if type(state) is not Busy or not self.outstanding:
            return 0.0
        first = next(iter(self.outstanding.values()))
        each = first.spec.estimate.seconds or 0.0
        return each * len(self.outstanding) - (now - state.heard)

    def _window(self, spec: KnownSpec) -> int:
        seconds = max(self.longest, spec.estimate.seconds or settings.WINDOW)
        return max(1, int(settings.WINDOW / seconds))

    def __repr__(self) -> str:
        return f"interpreter {self.id}"
