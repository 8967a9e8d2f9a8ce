"""Interpreters and workers of a virtual cloud: they run the functions of the user."""

from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import Any

from picloud import inside
from picloud.code import exceptions, values
from picloud.protocol.failures import Failure
from picloud.protocol.ids import WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.testing.job_threads import JobThreads
from picloud.testing.simulated_interpreter import SimulatedInterpreter
from picloud.testing.simulated_worker import SimulatedWorker
from picloud.testing.timeline import Timeline
from picloud.testing.virtual_line import VirtualLine
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.interpreter.execution import Naming, PreparedSpec, execute
from picloud_worker.pipe.messages import Prepare

Duration = float | Callable[[str, tuple[Any, ...]], float]
"""Seconds that every job takes, or what tells them from `module.function` and the arguments."""


class VirtualInterpreter(SimulatedInterpreter):
    """Runs attempts of the user's own functions in this process, one at a time.

    Args:
        threads: where they run.
        duration: how long they take.
    """

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
            seconds = self._seconds(attempt)
        except Exception as error:  # noqa: BLE001 - how long it takes is the user's code
            self._over(line, exceptions.describe(error))
            return
        self._timeline.after(seconds, partial(self._begin, line, function, attempt.payload))

    def _seconds(self, attempt: Attempt) -> float:
        if not callable(self._duration):
            return self._duration
        args, _ = values.loads(attempt.payload)
        name, _, _ = attempt.spec.spec.name.partition(" at ")
        return float(self._duration(name, args))

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

    def load(self) -> Callable[..., Any]:
        """See `PreparedSpec`."""
        self.function = partial(_called, super().load())
        return self.function


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
