"""The verbs for programs without an event loop: each drives its twin in the calling thread."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from picloud.blocking import BlockingIterator, drive
from picloud.bound_options import Options
from picloud.job import HandleSession, Job, JobMap, check_origins
from picloud.job_futures import FutureThread, JobFuture, ServingThread, watched_future
from picloud.job_options import NO_OPTIONS
from picloud.submit_verbs import SubmitVerbs
from picloud.wait_verbs import WaitVerbs

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from picloud.environment_verbs import EnvironmentVerbs
    from picloud.inspection import Inspection

T = TypeVar("T")


class BlockingVerbs(SubmitVerbs, WaitVerbs):
    """The verbs of a session. In a running event loop they raise RuntimeError: use the twins."""

    _futures: ServingThread | None = None

    def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """Run `func(*args, **kwargs)` as a job; see `cloud.call`."""
        return drive(self.acall(func, *args, **kwargs), "call")

    def map(self, func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> JobMap:
        """Run `func` on each item as a job; see `cloud.map`."""
        return drive(self.amap(func, *iterables, **options), "map")

    def result(self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> Any:
        """Wait for jobs and return what they returned; see `cloud.result`."""
        return drive(self.aresult(jobs, timeout, ignore_errors), "result")

    def iresult(
        self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False
    ) -> Iterator[Any]:
        """Iterate over results as they come, in the order of the jobs; see `cloud.iresult`."""
        return BlockingIterator(self.airesult(jobs, timeout, ignore_errors), "iresult")

    def as_completed(self, jobs: Any, timeout: float | None = None) -> Iterator[Job]:
        """Iterate over jobs in the order of their completion; see `cloud.as_completed`."""
        return BlockingIterator(self.aas_completed(jobs, timeout), "as_completed")

    def join(self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> None:
        """Wait for jobs; see `cloud.join`."""
        drive(self.ajoin(jobs, timeout, ignore_errors), "join")

    def status(self, jobs: Any) -> Any:
        """Ask for the status of jobs; see `cloud.status`."""
        return drive(self.astatus(jobs), "status")

    def info(
        self, jobs: Any, fields: str | Sequence[str] | None = None
    ) -> dict[int, dict[str, Any]]:
        """Tell what is known of jobs; see `cloud.info`."""
        return drive(self.ainfo(jobs, fields), "info")

    def kill(self, jobs: Any) -> None:
        """Kill jobs; see `cloud.kill`."""
        drive(self.akill(jobs), "kill")

    def delete(self, jobs: Any) -> None:
        """Forget finished jobs; see `cloud.delete`."""
        drive(self.adelete(jobs), "delete")

    def why(self, job: Any) -> str:
        """Say why a job has not finished; see `cloud.why`."""
        return drive(self.awhy(job), "why")

    def future_of(self, job: Job) -> JobFuture:
        """Make a future of a job; see `Job.future`. Never waits."""
        if self._futures is None:
            self._futures = self._future_thread()
        jids, _, opened = self._jids_of(job)
        return watched_future(self, jids[0], opened, self._futures)

    def _future_thread(self) -> ServingThread:
        return FutureThread()

    def options(self, **options: Any) -> Options:
        """Keep options to submit with; see `cloud.options`."""
        return Options(lambda: self, NO_OPTIONS.changed(options))

    def executor(self, **options: Any) -> "Executor":
        """Make a `concurrent.futures.Executor`; `JobExecutor` says how it differs from a pool."""
        from picloud.job_executor import JobExecutor

        return JobExecutor(self, NO_OPTIONS.changed(options))

    def inspect(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Inspection":
        """Print what a call would send, without making it; see `cloud.inspect`."""
        from picloud.inspection import inspect

        options, rest = NO_OPTIONS.with_keywords(kwargs)
        scan = partial(self.scan_of, options=options)
        check = partial(check_origins, session=cast("HandleSession", self))
        found = inspect(scan, check, func, args, rest)
        print(found)
        return found

    @property
    def env(self) -> "EnvironmentVerbs":
        """Environments by name; see `cloud.env`."""
        from picloud.environment_verbs import EnvironmentVerbs

        return EnvironmentVerbs(lambda: self)

    def close(self) -> bool:
        """End the session; jobs of a durable master go on. True if it was open, as in PiCloud."""
        return drive(self.aclose(), "close")

    @abstractmethod
    async def aclose(self) -> bool:
        """End the session; see `close`."""

    def drive(self, coroutine: Coroutine[Any, Any, T], verb: str) -> T:
        """Run a coroutine of these verbs in this thread; `verb` is the spelling the user knows."""
        return drive(coroutine, verb)
