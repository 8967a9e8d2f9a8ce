"""What the agent has to tell the master, collected in columns and said once per turn."""

from collections.abc import Iterable

from picloud.protocol import limits
from picloud.protocol.blob_messages import WithdrawBlobs
from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, Handles, JobId
from picloud.protocol.worker_messages import (
    AttemptFailed,
    AttemptsDone,
    AttemptsResumed,
    AttemptsReturned,
    AttemptsStarted,
    AttemptsWaiting,
    FromWorker,
    JobSaid,
    OutputRead,
)
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.blobs import Result
from picloud_worker.core.events import Output


class Reports:
    """The reports of one turn, and what may wait for the next."""

    def __init__(self) -> None:
        self._resumed: dict[Attempt, None] = {}
        self._clear()

    def _clear(self) -> None:
        self._done: list[AttemptsDone] = []
        self._open_columns()
        self._started: list[Attempt] = []
        self._begun: list[Attempt] = []
        self._returned: list[Attempt] = []
        self._answer_take_back = False
        self._stored: list[AttemptsDone | WithdrawBlobs] = []
        self._failed: list[AttemptFailed] = []
        self._facts: list[OutputRead] = []
        self._said: list[JobSaid] = []
        self._asleep: dict[Attempt, None] = {}

    def _open_columns(self) -> None:
        self._jids: list[JobId] = []
        self._fences: list[Fence] = []
        self._results: list[bytes] = []
        self._runtimes: list[float] = []
        self._handles: dict[int, Handles] = {}  # by row, where there are any
        self._usages: list[bytes] = []
        self._spans: list[int] = []
        self._bytes = 0

    def done(
        self,
        attempt: Attempt,
        result: bytes,
        runtime: float,
        handles: Handles | None,
        usage: bytes,
    ) -> None:
        """It returned. Those that were measured together come one after the other."""
        self._bytes += len(result)
        if self._bytes > limits.FRAME_TARGET:
            self._close_columns()
            self._bytes = len(result)
        if handles:
            self._handles[len(self._jids)] = handles
        self._jids.append(attempt.jid)
        self._fences.append(attempt.fence)
        self._results.append(result)
        self._runtimes.append(runtime)
        if self._usages and self._usages[-1] is usage:
            self._spans[-1] += 1
        else:
            self._usages.append(usage)
            self._spans.append(1)

    def stored(self, attempt: Attempt, result: Result, keys: list[bytes]) -> None:
        """It returned, and the master keeps these blobs: the report is what needs them now."""
        handles = [result.handles] if result.handles else None
        columns = [attempt.jid], [attempt.fence], [result.payload], [result.runtime], handles
        measured = ([result.usage], [1]) if result.usage else ()
        self._stored.append(AttemptsDone(*columns, True, *measured))
        self.withdrawn(attempt, keys)

    def withdrawn(self, attempt: Attempt, keys: list[bytes]) -> None:
        """The offer of these blobs is over."""
        if keys:
            self._stored.append(WithdrawBlobs(keys, attempt.spec.key.owner))

    def failed(
        self, attempt: Attempt, failure: Failure, runtime: float, usage: bytes = b""
    ) -> None:
        """It ended otherwise."""
        self._failed.append(AttemptFailed(attempt.jid, attempt.fence, failure, runtime, usage))

    def started(self, attempt: Attempt) -> None:
        """It has been running for a while."""
        self._started.append(attempt)

    def begun(self, attempt: Attempt) -> None:
        """It begins with the end of this turn."""
        self._begun.append(attempt)

    def returned(self, attempt: Attempt) -> None:
        """It never started here."""
        self._returned.append(attempt)

    def take_back_heard(self) -> None:
        """The master gets an answer, even if nothing could be given back."""
        self._answer_take_back = True

    def output(self, attempt: Attempt, output: Output) -> None:
        """What it has written so far."""
        self._facts.append(
            OutputRead(attempt.jid, attempt.fence, output.stdout, output.stderr, output.logging)
        )

    def said(self, attempt: Attempt, frame: bytes) -> None:
        """It speaks to the master itself."""
        self._said.append(JobSaid(attempt.jid, attempt.fence, frame))

    def asleep(self, attempt: Attempt) -> None:
        """It lends its cores; if the master does not know that it had them back, that is all."""
        if attempt in self._resumed:
            del self._resumed[attempt]
        else:
            self._asleep[attempt] = None

    def resumed(self, attempt: Attempt) -> None:
        """It has its cores back."""
        if attempt in self._asleep:
            del self._asleep[attempt]
        else:
            self._resumed[attempt] = None

    def messages(self, *, is_tick: bool) -> list[FromWorker | WithdrawBlobs]:
        """Say it all, once; at a tick also what has waited for company.

        That an attempt has its cores back does: it will sleep again, or return, before most ticks.
        What an attempt said goes before what it is waiting for, and that, with what it wrote,
        before its end; and the end of an attempt before what follows it begins.
        """
        told: list[FromWorker | WithdrawBlobs] = []
        if self._started:
            told.append(AttemptsStarted(*_names(self._started)))
        told += self._said
        if self._asleep:
            told.append(AttemptsWaiting(*_names(self._asleep)))
        told += self._facts
        self._close_columns()
        told += self._done
        told += self._stored
        told += self._failed
        if self._returned or self._answer_take_back:
            told.append(AttemptsReturned(*_names(self._returned)))
        if self._begun:
            told.append(AttemptsStarted(*_names(self._begun)))
        self._clear()
        if self._resumed and (told or is_tick):
            told.insert(0, AttemptsResumed(*_names(self._resumed)))
            self._resumed.clear()
        return told

    def _close_columns(self) -> None:
        if self._jids:
            handles = None
            if self._handles:
                handles = [self._handles.get(row, []) for row in range(len(self._jids))]
            columns = self._jids, self._fences, self._results, self._runtimes, handles
            measured = (self._usages, self._spans) if any(self._usages) else ()
            self._done.append(AttemptsDone(*columns, False, *measured))
            self._open_columns()


def _names(attempts: Iterable[Attempt]) -> tuple[list[JobId], list[Fence]]:
    return [one.jid for one in attempts], [one.fence for one in attempts]
