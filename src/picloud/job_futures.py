"""Jobs as `concurrent.futures.Future`s.

Their callbacks are code of the user and results are unpickled before they are set, so both happen
in a thread of their own, never on the engine's loop. One such thread serves a session.
"""

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol, cast

from picloud.blocking import drive, drive_anywhere
from picloud.connected import AnyClient, Connected
from picloud.errors import CloudException
from picloud.job import HandleSession
from picloud.large_values import opened
from picloud.outcomes import Collector, Outcome
from picloud.protocol.client_messages import KillJobs
from picloud.protocol.ids import JobId, RequestId
from picloud.result_values import value_of
from picloud.waiters import Way
from picloud.watches import JIDS_PER_MESSAGE, Question

_logger = logging.getLogger("picloud")


class JobFuture(Future[Any]):
    """The future of a job: cancelling it kills the job, for as long as it has not ended.

    Args:
        kill: kills the job.
        settles_here: says whether the thread that calls it is the one that settles this future.
    """

    def __init__(self, kill: Callable[[], None], settles_here: Callable[[], bool]) -> None:
        super().__init__()
        self._kill = kill
        self._settles_here = settles_here
        self._process = os.getpid()
        self._settling = threading.RLock()  # callbacks of a cancelled future may cancel it, too

    def result(self, timeout: float | None = None) -> Any:
        """Return the result of the job, or raise its exception, as any future does.

        Raises:
            RuntimeError: the wait would never end, as its thread is the one that settles futures,
                or its process was forked from the one that the future belongs to.
        """
        self.check_wait(timeout)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the exception of the job, as any future does; raises the same as `result`."""
        self.check_wait(timeout)
        return super().exception(timeout)

    def check_wait(self, timeout: float | None = None) -> None:
        """Refuse a wait that would never end; raises the same as `result`.

        `concurrent.futures.wait` and `as_completed` do not ask.
        """
        if timeout is not None or self.done():
            return
        if self._process != os.getpid():
            raise RuntimeError(
                "this future is settled in the process that made it, not in one forked from it: "
                "submit the job again here"
            )
        if self._settles_here():
            raise RuntimeError(
                "a callback of a future waits for another future, which would be settled by this "
                "same thread: wait for its job with cloud.result(job), or in a thread of your own"
            )

    def cancel(self) -> bool:
        """Kill the job, unless it has ended; True if it is cancelled now."""
        with self._settling:
            if self.cancelled():
                return True
            try:
                return super().cancel()
            finally:  # whatever its callbacks have raised
                if self.cancelled():
                    # `wait` and `as_completed` take note of cancelled futures here only.
                    self.set_running_or_notify_cancel()
                    self._kill()

    def fail(self, error: BaseException) -> None:
        """Set the exception."""

        def produce() -> None:
            raise error

        self.settle(produce)

    def settle(self, produce: Callable[[], Any]) -> None:
        """Set the result to what the function returns, or the exception to what it raises."""
        try:
            result, error = produce(), None
        except BaseException as raised:  # noqa: BLE001 - whatever it is belongs to the future
            result, error = None, raised
        with self._settling:
            if self.done() or not self.set_running_or_notify_cancel():
                return
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(result)


class Served(Collector, Protocol):
    """Who is told outcomes and has a thread to use them in."""

    def fail(self, error: BaseException) -> None:
        """Nobody can hear of them, for this reason."""


class ServingThread(Protocol):
    """Where futures and callbacks have their work done, in order."""

    def put(self, work: Callable[[], object]) -> None:
        """Have this called in the thread."""

    def send(self, work: Callable[[], object]) -> None:
        """Have this called, which says something to the master, without waiting for it here."""

    def watch(self, client: AnyClient, collector: Served) -> None:
        """Have the collector told the outcomes of its jobs."""

    def is_current(self) -> bool:
        """True when called in the thread."""


class FutureThread:
    """Does what takes time, in order, in a daemon thread that starts when needed."""

    def __init__(self, name: str = "picloud futures") -> None:
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], object]) -> None:
        """Have this called in the thread."""
        if self._thread is None:
            self._start()
        self._work.put(work)

    def send(self, work: Callable[[], object]) -> None:
        """Have this called in the thread as well: it may have to wait for the connection."""
        self.put(work)

    def watch(self, client: AnyClient, collector: Served) -> None:
        """Have the collector told the outcomes of its jobs."""
        client.watch(collector)

    def drop(self) -> list[Callable[[], object]]:
        """Take out what it was given and has not begun."""
        dropped = []
        with contextlib.suppress(queue.Empty):
            while (work := self._work.get_nowait()) is not None:
                dropped.append(work)
        return dropped

    def is_current(self) -> bool:
        """True when called in the thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """End the thread when it has done what it was given so far."""
        self._work.put(None)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            carry_out(work)


def carry_out(work: Callable[[], object]) -> None:
    """Call a function that may call functions of the user; what follows is done whatever it raises.

    `concurrent.futures` logs exceptions of a future's callbacks, but lets others pass.
    """
    try:
        work()
    except BaseException:
        _logger.exception("a callback of a future has failed")


class FutureCollector:
    """Settles a future with the outcome of its job."""

    wants_results = True

    def __init__(
        self,
        jid: int,
        future: JobFuture,
        client: AnyClient,
        session: Connected,
        thread: ServingThread,
    ) -> None:
        self.way: Way | None = None
        self._session = session
        self.jids: Sequence[int] = [jid]
        self._future = future
        self._client = client
        self._thread = thread

    def put(self, _position: int, outcome: Outcome) -> None:
        """See `Collector`."""
        self._thread.put(lambda: self._future.settle(lambda: self._value(outcome)))

    def _value(self, outcome: Outcome) -> Any:
        blobs = drive(opened(self._client, self._session.blobs, [outcome]), "Job.future")
        session = cast("HandleSession", self._session)
        return value_of(self.jids[0], outcome, False, session, blobs)

    def lose(self) -> None:
        """See `Collector`."""
        self._thread.put(lambda: self._future.fail(self._client.loss()))

    def fail(self, error: BaseException) -> None:
        """See `Served`."""
        self._thread.put(lambda: self._future.fail(error))


def watched_future(
    session: Connected,
    jid: int,
    connect: Callable[[], Coroutine[Any, Any, AnyClient]],
    thread: ServingThread,
) -> JobFuture:
    """Make the future of a job; connecting, should that be needed, is left to the thread."""

    def kill() -> None:
        thread.send(lambda: kill_soon(session, [jid]))

    future = JobFuture(kill, thread.is_current)

    def watch() -> None:
        try:
            client = drive_anywhere(connect())
        except (CloudException, ValueError) as error:
            future.fail(error)
        else:
            thread.watch(client, FutureCollector(jid, future, client, session, thread))

    if session._client is None or connect != session._opened:
        thread.send(watch)
    else:
        client = session._client
        thread.watch(client, FutureCollector(jid, future, client, session, thread))
    return future


def kill_soon(session: Connected, jids: Sequence[int]) -> None:
    """Ask for the end of jobs and do not wait for the answer."""
    client = session._client
    for start in range(0, len(jids), JIDS_PER_MESSAGE):
        piece = cast("list[JobId]", list(jids[start : start + JIDS_PER_MESSAGE]))
        if client is not None:
            client.ask(Question(partial(_kill_message, piece)))


def _kill_message(jids: list[JobId], number: RequestId) -> KillJobs:
    return KillJobs(number, jids)
