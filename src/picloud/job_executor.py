"""`cloud.executor()`: a `concurrent.futures.Executor` whose calls are jobs.

It also serves `loop.run_in_executor`. Submitting does not wait, except that the very first call
connects, and that a client far ahead of its master is held back.

Where it differs from a `ProcessPoolExecutor` is said at `JobExecutor`.
"""

import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import wait as futures_wait
from typing import Any

from picloud.blocking import BlockingIterator, drive_anywhere
from picloud.blocking_verbs import BlockingVerbs
from picloud.code import functions
from picloud.job import JobMap
from picloud.job_futures import JobFuture, kill_soon
from picloud.job_options import JobOptions, check_timeout
from picloud.result_streams import ResultStream


class JobExecutor(Executor):
    """Runs calls as jobs of one session.

    It differs from a `ProcessPoolExecutor` in these points:

    - `Future.running()` is not tracked: it is False until the job has ended, also while it runs.
    - `Future.cancel()` and `shutdown(cancel_futures=True)` kill jobs that run already, too.
    - Jobs that are not waited for end with the program: `shutdown(wait=False)`, or no `shutdown`
      at all, does not keep the program alive until they are done.
      Those of a job's executor go on without the job.

    Args:
        session: where the jobs run.
        job_options: options of all its jobs.
    """

    def __init__(self, session: BlockingVerbs, job_options: JobOptions) -> None:
        self._session = session
        self._job_options = job_options
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._futures: set[JobFuture] = set()
        self._maps: list[JobMap] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn(*args, **kwargs)` as a job; cancelling the future kills it.

        Raises:
            RuntimeError: the executor has been shut down.
            TypeError: the function would refuse the arguments.
            SerializationError: the function or an argument cannot travel.
        """
        self._check_open()
        session = self._session
        options = self._job_options
        if options.env is not None:
            options = drive_anywhere(session.resolved(options))
        call = session.packed_call(options, fn, args, kwargs)
        job = session.submit_now(call)
        if job is None:
            job = drive_anywhere(session.submit_packed(call))
        future = session.future_of(job)
        with self._lock:
            self._futures.add(future)
        future.add_done_callback(self._forget)
        return future

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **_newer: Any,
    ) -> Iterator[Any]:
        """Run `fn` on each item; results come in order, each as soon as it is there.

        Args:
            timeout: seconds for all results together, from now.
            chunksize: how many items make one job.

        Raises:
            RuntimeError: the executor has been shut down.
            ValueError: `chunksize` is less than 1.
        """
        self._check_open()
        if chunksize < 1:
            raise ValueError("chunksize is at least 1")
        seconds = check_timeout(timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        if chunksize > 1:
            chunks = _chunks(zip(*iterables, strict=False), chunksize)
            fn, iterables = functools.partial(functions.run_chunk, fn), (chunks,)
        options = self._job_options
        jobs = drive_anywhere(self._session.submit_map(options, fn, iterables, {}))
        with self._lock:
            self._maps.append(jobs)
        results = self._results(jobs, deadline)
        return itertools.chain.from_iterable(results) if chunksize > 1 else results

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls.

        Args:
            wait: return when all jobs have ended.
            cancel_futures: kill the jobs that have not ended.
        """
        with self._lock:
            self._is_shut_down = True
            futures, maps = list(self._futures), list(self._maps)
        if cancel_futures:
            for future in futures:
                future.cancel()
            for jobs in maps:
                kill_soon(self._session, jobs.jids)
        if wait:
            for future in futures:
                future.check_wait()
            futures_wait(futures)
            if maps:
                drive_anywhere(self._session.ajoin(maps, ignore_errors=True))

    def _results(self, jobs: JobMap, deadline: float | None) -> Iterator[Any]:
        """Yield results; when the reader stops early, the rest is cancelled, as executors do."""
        session = self._session
        stream = ResultStream(session._opened, session, jobs.jids, None, False, session.blobs)
        count = 0
        try:
            for _ in range(len(jobs)):
                if deadline is not None:
                    stream.timeout = max(0.0, deadline - time.monotonic())
                result = next(BlockingIterator(stream, "Executor.map"))
                count += 1
                yield result
        finally:
            if count < len(jobs) and not self._session.is_lost:
                kill_soon(self._session, jobs[count:].jids)
            with self._lock:
                self._maps.remove(jobs)

    def _check_open(self) -> None:
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._futures.discard(future)


def _chunks(calls: Iterable[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    source = iter(calls)
    while chunk := list(itertools.islice(source, size)):
        yield chunk
