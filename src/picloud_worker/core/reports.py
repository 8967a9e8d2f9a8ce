"""What the agent has to tell the master, collected in columns and said once per turn."""

from collections.abc import Iterator

from picloud.protocol import limits
from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, JobId
from picloud.protocol.worker_messages import (
    AttemptFailed,
    AttemptsDone,
    AttemptsReturned,
    AttemptsStarted,
    FromWorker,
    OutputRead,
)
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import Output


class Reports:
    """The reports of one turn."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._done: list[AttemptsDone] = []
        self._open_columns()
        self._started: list[Attempt] = []
        self._returned: list[Attempt] = []
        self._answer_take_back = False
        self._failed: list[AttemptFailed] = []
        self._outputs: list[OutputRead] = []

    def _open_columns(self) -> None:
        self._jids: list[JobId] = []
        self._fences: list[Fence] = []
        self._results: list[bytes] = []
        self._runtimes: list[float] = []
        self._bytes = 0

    def done(self, attempt: Attempt, result: bytes, runtime: float) -> None:
        """It returned."""
        self._bytes += len(result)
        if self._bytes > limits.FRAME_TARGET:
            self._close_columns()
            self._bytes = len(result)
        self._jids.append(attempt.jid)
        self._fences.append(attempt.fence)
        self._results.append(result)
        self._runtimes.append(runtime)

    def failed(self, attempt: Attempt, failure: Failure, runtime: float) -> None:
        """It ended otherwise."""
        self._failed.append(AttemptFailed(attempt.jid, attempt.fence, failure, runtime))

    def started(self, attempt: Attempt) -> None:
        """It has been running for a while."""
        self._started.append(attempt)

    def returned(self, attempt: Attempt) -> None:
        """It never started here."""
        self._returned.append(attempt)

    def take_back_heard(self) -> None:
        """The master gets an answer, even if nothing could be given back."""
        self._answer_take_back = True

    def output(self, attempt: Attempt, output: Output) -> None:
        """What it has written so far."""
        self._outputs.append(
            OutputRead(attempt.jid, attempt.fence, output.stdout, output.stderr, output.logging)
        )

    def messages(self) -> Iterator[FromWorker]:
        """Say it all, once. Output goes before the end of the attempt that wrote it."""
        yield from self._outputs
        if self._started:
            yield AttemptsStarted(*_names(self._started))
        self._close_columns()
        yield from self._done
        yield from self._failed
        if self._returned or self._answer_take_back:
            yield AttemptsReturned(*_names(self._returned))
        self._clear()

    def _close_columns(self) -> None:
        if self._jids:
            done = AttemptsDone(self._jids, self._fences, self._results, self._runtimes)
            self._done.append(done)
            self._open_columns()


def _names(attempts: list[Attempt]) -> tuple[list[JobId], list[Fence]]:
    return [one.jid for one in attempts], [one.fence for one in attempts]
