"""The thread in which futures and callbacks of a job are served, inside the job.

Elsewhere an engine hears of outcomes. A job has none: this thread hears, as any other thread of the
job does that waits for jobs, and while it does, the job lends its cores.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from picloud import inside
from picloud.callback_thread import CALLBACK_TIME, report_left_alone
from picloud.connected import AnyClient
from picloud.errors import CloudException
from picloud.job_futures import Served, carry_out
from picloud.nested_submissions import undisturbed
from picloud.outcomes import Outcome
from picloud.waiters import Waiter, Way


class Hearer(Protocol):
    """What of a job's client hears for it."""

    line: inside.Line

    @property
    def is_over(self) -> bool:
        """True once the job has ended."""

    def sleep(self, waiter: Waiter) -> None:
        """Hear in this thread until the waiter is set.

        Raises:
            CloudException: it cannot; there is no room for another sleeper, perhaps.
        """


class ListeningThread:
    """Does what it is given, in order, and hears meanwhile; it lives while there is any of both.

    Args:
        name: of the thread.
        client: the job's.
    """

    def __init__(self, name: str, client: Hearer) -> None:
        self._name = name
        self._client = client
        self.line = client.line
        self._changed = threading.Condition(threading.RLock())  # signal handlers may use this, too
        self._work: deque[Callable[[], object]] = deque()
        self._expected: set[_Expected] = set()
        self._arrival = Waiter()
        self._thread: threading.Thread | None = None
        self._is_working = False

    def send(self, work: Callable[[], object]) -> None:
        """Have something said to the master: inside a job that never waits."""
        work()

    def put(self, work: Callable[[], object]) -> None:
        """Have this called in the thread; called by whoever hears that it is due."""
        with self._changed:
            self._work.append(work)
            self._arrival.set()

    @undisturbed  # a thread that is interrupted amid its start never runs, and nobody is told
    def watch(self, client: AnyClient, collector: Served) -> None:
        """Have the collector told the outcomes of its jobs."""
        expected = _Expected(collector, self)
        with self._changed:
            self._expected.add(expected)
        client.watch(expected)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def is_current(self) -> bool:
        """True when called in the thread."""
        return threading.current_thread() is self._thread

    def forget(self, collector: "_Expected") -> None:
        """It has been told all."""
        with self._changed:
            self._expected.discard(collector)
            self._arrival.set()

    def finish(self) -> None:
        """Wait for what is due, for some seconds."""
        try:
            with self._changed:
                self._changed.wait_for(self._is_idle, CALLBACK_TIME)
        finally:  # a signal handler may have raised
            if not self._is_idle():
                report_left_alone(len(self._work))

    def _is_idle(self) -> bool:
        return not self._work and not self._is_working

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_working = bool(self._work)
                if not self._work:
                    self._changed.notify_all()
                    if not self._expected or self._client.is_over:
                        self._thread = None
                        return
                    self._arrival = Waiter()
            if self._is_working:
                carry_out(self._work.popleft())
            else:
                self._hear()

    def _hear(self) -> None:
        try:
            self._client.sleep(self._arrival)
        except CloudException as error:
            with self._changed:
                expected, self._expected = self._expected, set()
            for each in expected:
                each.collector.fail(error)


class _Expected:
    """A collector, until it has been told all."""

    def __init__(self, collector: Served, thread: ListeningThread) -> None:
        self.collector = collector
        self.jids: Sequence[int] = collector.jids
        self.wants_results = collector.wants_results
        self.way: Way | None = None
        self._missing = len(self.jids)
        self._thread = thread

    def put(self, position: int, outcome: Outcome) -> None:
        """See `Collector`."""
        self.collector.put(position, outcome)
        self._missing -= 1
        if not self._missing:
            self._thread.forget(self)

    def lose(self) -> None:
        """See `Collector`."""
        self.collector.lose()
        self._thread.forget(self)
