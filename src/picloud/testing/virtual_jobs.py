"""Interpreters and workers of a virtual cloud: they run the functions of the user."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from numbers import Real
from types import CoroutineType
from typing import Any

from picloud import inside
from picloud.code import values
from picloud.code.exceptions import describing
from picloud.protocol.failures import Failure
from picloud.protocol.ids import WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.testing.job_threads import JobThreads
from picloud.testing.simulated_interpreter import SIGNAL_DELAY, SimulatedInterpreter
from picloud.testing.simulated_worker import SimulatedWorker
from picloud.testing.timeline import Timeline
from picloud.testing.virtual_line import VirtualLine
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.interpreter.execution import Naming, PreparedSpec, execute
from picloud_worker.interpreter.usage import Profiled
from picloud_worker.pipe.messages import Prepare

Duration = float | Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], float]
"""Seconds that every job takes, or what tells them from its function, `args` and `kwargs`."""

MAX_FLOAT = sys.float_info.max


def checked_seconds(seconds: Any, what: str) -> float:
    """Check a length of virtual time.

    Raises:
        TypeError, ValueError: it is none.
    """
    is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    if not is_number:
        raise TypeError(f"{what} is a number of seconds, not {seconds!r:.80}")
    if not 0 <= seconds <= MAX_FLOAT:  # so written, this takes in nan
        raise ValueError(f"{what} is at least 0 seconds and ends, not {seconds!r:.80}")
    return float(seconds)


class VirtualInterpreter(SimulatedInterpreter):
    """Runs attempts of the user's own functions in this process, one at a time.

    Args:
        threads: where they run.
        duration: how long they take.
    """

    kill_delay = SIGNAL_DELAY  # whoever tests a limit sees how exactly it is kept

    def __init__(
        self,
        timeline: Timeline,
        number: int,
        pool: int,
        host: "VirtualWorker",
        threads: JobThreads,
        duration: Duration,
    ) -> None:
        super().__init__(timeline, number, pool, host)
        self._threads = threads
        self._duration = duration
        self._functions: dict[int, VirtualSpec] = {}

    def cores_returned(self) -> None:
        """See `Speaker`."""
        self._host.cores_returned()

    def _run(self, attempt: Attempt, spec: Prepare) -> None:
        function = self._functions.get(spec.spec)
        if function is None or function.prepare is not spec:
            function = self._functions[spec.spec] = VirtualSpec(spec)
        self._job = line = VirtualLine(self._timeline, attempt, self, self._threads.take)
        try:
            seconds = self._seconds(function, attempt.payload)
        except Exception as error:  # noqa: BLE001 - how long it takes is the user's code
            self._over(line, describing.describe(error))
            return
        self._timeline.after(seconds, partial(self._begin, line, function, attempt.payload))

    def _seconds(self, function: "VirtualSpec", payload: bytes) -> float:
        if not callable(self._duration):
            return self._duration
        try:
            users, (args, kwargs) = function.users_own(), values.loads(payload)
        except Exception:  # noqa: BLE001 - classes of users run here
            return 0.0  # this is what the job will fail by
        return checked_seconds(self._duration(users, args, kwargs), "what `duration` gave")

    def _begin(self, line: VirtualLine, function: "VirtualSpec", payload: bytes) -> None:
        if self._job is line and not self.is_dead:
            line.begin(lambda: self._over(line, execute(function, payload)))

    def _over(self, line: VirtualLine, outcome: bytes | Naming | Failure) -> None:
        line.is_over = True
        if self.is_dead:
            return  # it has been abandoned
        if isinstance(outcome, Naming):
            self._end(outcome.result, outcome.handles)
        else:
            self._end(outcome)


class VirtualSpec(PreparedSpec):
    """A function of the user; coroutines run in virtual time."""

    def __init__(self, prepare: Prepare) -> None:
        super().__init__(prepare)
        self.prepare = prepare
        self._users: Callable[..., Any] | None = None

    def load(self) -> Callable[..., Any]:
        """See `PreparedSpec`."""
        loaded = super().load()
        self._users = loaded.function if isinstance(loaded, Profiled) else loaded
        self.function = partial(_called, loaded)
        return self.function

    def users_own(self) -> Callable[..., Any]:
        """The function as it was pickled."""
        if self._users is None:
            self.load()
        assert self._users is not None  # it is loaded
        return self._users


def _called(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    value = function(*args, **kwargs)
    return _awaited(value) if type(value) is CoroutineType else value


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    line = inside.line
    assert isinstance(line, VirtualLine)  # this is a job's thread
    return line.run(coroutine)


class VirtualWorker(SimulatedWorker):
    """A worker of a virtual cloud.

    Args:
        threads: where jobs run.
        duration: how long they take.
    """

    def __init__(
        self,
        timeline: Timeline,
        worker: WorkerId,
        pools: list[SlotPool],
        delay: float,
        max_sleepers: int,
        tell_master: Callable[[list[Any]], None],
        threads: JobThreads,
        duration: Duration,
    ) -> None:
        super().__init__(timeline, worker, pools, delay, max_sleepers, tell_master)
        self._threads = threads
        self._duration = duration

    def __repr__(self) -> str:
        return f"worker {self.id} with {sum(pool.cores for pool in self.pools)} cores"

    def make_interpreter(self, number: int, pool: int) -> VirtualInterpreter:
        """Start an interpreter."""
        return VirtualInterpreter(self.timeline, number, pool, self, self._threads, self._duration)
