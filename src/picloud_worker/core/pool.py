"""The cores of a worker that serve certain core types, and who gets what waits for them.

A planner: `dispatches` looks at the backlog and the interpreters and says which interpreter is
given which attempts next. It changes nothing but the backlog.
"""

from collections.abc import Iterator

from picloud.protocol import limits
from picloud.protocol.jobs import SlotPool
from picloud.statemachine import value
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.backlog import Backlog
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.states import Busy, Ending, Idle


@value
class NeedInterpreter:
    """Start an interpreter for this attempt; it is given to it when it is asked for again."""

    attempt: Attempt


@value
class Give:
    """Give these attempts to this interpreter."""

    interpreter: Interpreter
    attempts: list[Attempt]


class Pool:
    """One pool: its cores, its backlog and its interpreters."""

    def __init__(self, number: int, offer: SlotPool) -> None:
        self.number = number
        self.core_types = offer.core_types
        self.cores = offer.cores
        self.backlog = Backlog()
        self.interpreters: dict[int, Interpreter] = {}

    def free_cores(self) -> int:
        """Cores that no interpreter occupies. One that is ending still occupies its cores."""
        busy = sum(
            interpreter.cores
            for interpreter in self.interpreters.values()
            if type(interpreter.state) is not Idle
        )
        return self.cores - busy

    def next_step(self) -> Give | NeedInterpreter | None:
        """What to do next for the backlog; None when nothing can be done now."""
        first = self.backlog.first()
        if first is None:
            return None
        cores = first.spec.spec.cores
        if cores <= self.free_cores():
            idle = self._idle_for(first)
            if idle is None:
                return NeedInterpreter(first)
            return Give(idle, self._take(idle, first))
        for interpreter in self._streaming(first):
            return Give(interpreter, self._take(interpreter, first))
        return None

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
            and interpreter.room(attempt.spec) > 0
        ]
        yield from sorted(candidates, key=lambda one: len(one.outstanding))

    def _take(self, interpreter: Interpreter, first: Attempt) -> list[Attempt]:
        """Take as many attempts of the first one's spec as the interpreter should have.

        What waits is shared out evenly, so that no core goes idle while another has a line. Large
        payloads are cut into several messages.
        """
        spec = first.spec
        fair = -(-len(self.backlog) // self.cores)
        count = min(interpreter.room(spec), fair)
        taken: list[Attempt] = []
        size = 0
        attempt: Attempt | None = first
        while attempt is not None and attempt.spec is spec and len(taken) < max(1, count):
            size += len(attempt.payload)
            if size > limits.FRAME_TARGET and taken:
                break
            self.backlog.pop_first()
            taken.append(attempt)
            attempt = self.backlog.first()
        return taken

    def surplus(self) -> Iterator[Interpreter]:
        """Idle interpreters beyond those worth keeping warm, the longest idle first."""
        idle = [one for one in self.interpreters.values() if type(one.state) is Idle]
        living = sum(type(one.state) is not Ending for one in self.interpreters.values())
        excess = living - settings.SPARE_INTERPRETERS * self.cores
        if excess > 0:
            yield from sorted(idle, key=_idle_since)[:excess]


def _idle_since(interpreter: Interpreter) -> float:
    state = interpreter.state
    return state.since if isinstance(state, Idle) else 0.0
