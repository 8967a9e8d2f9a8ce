"""`VirtualCloud`: a cloud for tests, where time costs nothing."""

import itertools
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Self

from picloud import errors, inside
from picloud.outcomes import Gather
from picloud.protocol.client_messages import AskWhy, ReasonRead
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import CORE_TYPES
from picloud.testing.virtual_engine import NothingWillHappen, VirtualEngine
from picloud.testing.virtual_jobs import Duration, VirtualWorker, checked_seconds
from picloud.testing.virtual_line import VirtualClient, VirtualLine
from picloud.testing.without_threads import WithoutThreads
from picloud.waiters import Waiter, Wake, running_loop
from picloud.watches import Question
from picloud_worker.core.events import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picloud.grants import Grant

_numbers = itertools.count(1)

_WORDS_OF_NOBODY = "nothing is due on this cloud any more"


class VirtualCloud(WithoutThreads):
    """A cloud of virtual time, with the verbs of a session and a context manager.

    Master and agents decide as they do elsewhere. Jobs run in this process, one at a time, from
    real pickles, and each takes virtual time. Whoever waits lets that time pass; nothing
    passes otherwise. The same test takes the same course in each run.

    Once it is closed, all that it can do raises `ConnectionLost`, as it does elsewhere.

    There are no callbacks, futures and executors; what jobs write is not kept, nor what they have
    used; and memory limits, environment variables and profiles of jobs do not work.
    `timeout` is virtual seconds everywhere.

    Args:
        workers: how many workers there are at first; 0 is a cloud that nobody serves yet.
        cores: of each of them; they serve all core types.
        duration: virtual seconds that a job takes before its function is called; or a function
            `duration(function, args, kwargs)` that tells them for each job, from the function,
            the tuple and the dict that its job will be called with. All three are copies, as jobs
            get them: know a function by its `__name__`. A job for which it raises, or tells no
            such time, fails with that error. What else a job takes, `spend` says.

    Raises:
        TypeError, ValueError: an argument makes no sense.
    """

    def __init__(self, workers: int = 1, cores: int = 1, duration: Duration = 1.0) -> None:
        _check_count("workers", workers, 0)
        _check_count("cores", cores, 1)
        if not callable(duration):
            duration = checked_seconds(duration, "duration")
        self._engine = VirtualEngine(duration)
        self._start = self._engine.timeline.now
        super().__init__(self._engine.line)
        self.clock = self._engine.line.now
        self._client.engine = self._engine
        self.origin = f"virtual cloud {next(_numbers)}"
        for _ in range(workers):
            self.add_worker(cores)

    _client: "UsersClient"

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.stop()  # never waits

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._engine.stop()

    async def aclose(self) -> bool:
        """End the cloud and all that runs on it."""
        was_open = not self.is_lost
        self._engine.stop()
        return was_open

    def _check_open(self) -> None:
        if self.is_lost:
            raise self._client.loss()

    # ------------------------------------------------------------------ what only tests can do

    @property
    def now(self) -> float:
        """Virtual seconds since the cloud was made."""
        return self._engine.timeline.now - self._start

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass, and what happens in it happen."""
        self._check_open()
        timeline = self._engine.timeline
        timeline.run_until(timeline.now + checked_seconds(seconds, "what passes"))

    def add_worker(self, cores: int = 1, core_types: Iterable[str] = CORE_TYPES) -> VirtualWorker:
        """Have another worker join.

        Returns:
            What `lose_worker` takes.

        Raises:
            TypeError, ValueError: an argument makes no sense.
        """
        self._check_open()
        _check_count("cores", cores, 1)
        return self._engine.add_worker(cores, core_types)

    def lose_worker(self, worker: VirtualWorker | None = None) -> None:
        """A worker's machine goes out of reach, with all that runs on it.

        Args:
            worker: which one; by default the first that is running something, or just the first.

        Raises:
            ValueError: there is none.
        """
        self._check_open()
        workers = list(self._engine.workers.values())
        if worker is None:
            worker = next((one for one in workers if one.running()), next(iter(workers), None))
        if worker not in workers:
            raise ValueError("there is no such worker to lose")
        self._engine.cut(worker, master_after=0.0, worker_after=0.0)
        worker.die()  # at once, should no time pass any more

    def crash_job(self, job: int) -> None:
        """The process of a running job ends, as by a fault in native code.

        Raises:
            ValueError: the job does not run.
        """
        self._check_open()
        for worker in self._engine.workers.values():
            for interpreter in worker.interpreters.values():
                if interpreter.running is not None and interpreter.running.jid == job:
                    interpreter.die(Exit(None, 11))
                    return
        raise ValueError(f"job {job} does not run now")


class UsersClient(VirtualClient):
    """Speaks for the user's program, which may reach all of its jobs."""

    engine: VirtualEngine

    def present(self, grants: "Sequence[Grant]") -> None:
        """A client need not."""

    def loss(self) -> BaseException:
        """Make the error that says why nothing more can be waited for."""
        return errors.ConnectionLost("this session is closed")

    @property
    def is_over(self) -> bool:
        """True once the cloud is closed."""
        return self.line.current() != self._attempt

    def expire(self, waiter: Waiter, seconds: float) -> None:
        """Wake the waiter after this virtual time, if nothing else has by then."""
        if running_loop() is None:
            super().expire(waiter, seconds)
        else:
            self.engine.timeline.after(seconds, partial(waiter.set, Wake.EXPIRED))

    def sleep(self, waiter: Waiter) -> None:
        """See `Way`."""
        try:
            super().sleep(waiter)
        except NothingWillHappen:
            jid = self._first_unfinished(waiter)
            text = _WORDS_OF_NOBODY if jid is None else self._why(jid)
            status = None if jid is None else self.engine.kernel.registry.jobs[JobId(jid)].status
            text = f"nothing will ever happen: {text}"
            raise errors.CloudTimeoutError(text, jid, status and status.value) from None

    def _first_unfinished(self, waiter: Waiter) -> int | None:
        if isinstance(waiter, Gather):
            return waiter.first_unfinished()
        jobs = self.engine.kernel.registry.jobs.values()
        return next((job.id for job in jobs if not job.status.is_final), None)

    def _why(self, jid: int) -> str:
        question = Question(lambda number: AskWhy(number, JobId(jid)))
        self.ask(question)
        super().sleep(question)
        answer = question.answer
        return answer.text if isinstance(answer, ReasonRead) else _WORDS_OF_NOBODY


VirtualCloud.client_type = UsersClient


def spend(seconds: float) -> None:
    """Let virtual time pass in a job of a `VirtualCloud`.

    Raises:
        RuntimeError: this is not such a job. In the test itself there is `cloud.pass_time`.
    """
    line = inside.line
    if not isinstance(line, VirtualLine):
        raise RuntimeError("spend() is for jobs of a VirtualCloud")  # noqa: TRY004 - of no argument
    line.spend(checked_seconds(seconds, "what is spent"))


def _check_count(name: str, count: object, least: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} is a whole number, not {count!r:.80}")
    if count < least:
        raise ValueError(f"{name} is at least {least}, not {count}")
