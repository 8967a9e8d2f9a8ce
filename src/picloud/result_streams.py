"""The iterators behind `airesult` and `aas_completed`."""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Self

from picloud import large_values
from picloud.connected import AnyClient, timeout_error
from picloud.job import HandleSession, Job, job_of
from picloud.outcomes import PENDING, Pending, Stream
from picloud.protocol.client_messages import JobsInCycle, JobsUnknown
from picloud.result_values import NO_BLOBS, error_of, value_of
from picloud.waiters import Wake

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore

READ_AHEAD = 1_000
"""Results that are fetched before they are asked for; up to twice as many are kept."""

Opened = Callable[[], Coroutine[Any, Any, AnyClient]]


async def _arrival(
    client: AnyClient,
    stream: Stream,
    is_here: Callable[[], bool],
    seconds: float | None,
    first_unfinished: Callable[[], int],
) -> None:
    """Wait until `is_here`.

    Raises:
        CloudTimeoutError: it took longer; the text says why the job has not finished.
    """
    while not is_here():
        waiter = stream.next_arrival(is_here)
        if seconds is not None:
            client.expire(waiter, seconds)
        wake = await waiter
        if wake is Wake.LOST:
            raise client.loss()
        if wake is Wake.EXPIRED:
            unfinished = first_unfinished()
            error = await timeout_error(client, unfinished)
            if not is_here():
                raise error


class ResultStream:
    """Results in the order of the jobs, fetched in windows while the first ones are used.

    An error at its place does not end the iteration; neither does a timeout, which counts for
    each step anew.
    """

    def __init__(
        self,
        opened: Opened,
        session: HandleSession,
        jids: Sequence[int],
        timeout: float | None,
        ignore_errors: bool,
        blobs: "Callable[[], BlobStore] | None" = None,
    ) -> None:
        self._blobs = blobs
        self._opened = opened
        self._session = session
        self._jids = jids
        self.timeout = timeout
        self._ignore_errors = ignore_errors
        self._place = 0
        self._windows: list[Stream] = []
        self._fetched = 0  # how many jobs are in this and earlier windows
        self._client: AnyClient | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._place >= len(self._jids):
            raise StopAsyncIteration
        client = self._client or await self._open()
        self._read_ahead(client)
        window, place = self._windows[0], self._place % READ_AHEAD
        jid = self._jids[self._place]
        await _arrival(
            client, window, lambda: window.outcomes[place] is not PENDING, self.timeout, lambda: jid
        )
        self._place += 1
        outcome, window.outcomes[place] = window.outcomes[place], PENDING
        if self._place % READ_AHEAD == 0:
            del self._windows[0]
        assert not isinstance(outcome, Pending)  # just waited for
        blobs = NO_BLOBS
        if large_values.are_spilled([outcome]):
            blobs = await large_values.opened(client, self._blobs, [outcome])
        return value_of(jid, outcome, self._ignore_errors, self._session, blobs)

    def __del__(self) -> None:
        if self._client is not None:
            for window in self._windows:
                self._client.forget(window)

    async def _open(self) -> AnyClient:
        self._client = await self._opened()
        return self._client

    def _read_ahead(self, client: AnyClient) -> None:
        while len(self._windows) < 2 and self._fetched < len(self._jids):
            jids = self._jids[self._fetched : self._fetched + READ_AHEAD]
            window = Stream(jids, wants_results=True)
            self._windows.append(window)
            self._fetched += len(jids)
            client.watch(window)


class Completions:
    """Jobs in the order in which they end, however they end; the timeout is for all together.

    A job that does not exist, or must not be waited for, has not ended: it raises when that is
    known, which does not end the iteration.
    """

    def __init__(
        self,
        opened: Opened,
        session: HandleSession,
        jids: Sequence[int],
        timeout: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._opened = opened
        self._session = session
        self._stream = Stream(list(dict.fromkeys(jids)), wants_results=False)
        self._deadline = None if timeout is None else clock() + timeout
        self._clock = clock
        self._place = 0
        self._client: AnyClient | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Job:
        stream, place = self._stream, self._place
        if place >= len(stream.jids):
            raise StopAsyncIteration
        client = self._client or await self._open()
        if len(stream.arrived) <= place:
            await _arrival(
                client,
                stream,
                lambda: len(stream.arrived) > place,
                self._seconds_left(),
                stream.first_unfinished,
            )
        self._place += 1
        position = stream.arrived[place]
        jid, outcome = stream.jids[position], stream.outcomes[position]
        if isinstance(outcome, JobsUnknown | JobsInCycle):
            raise error_of(jid, outcome)
        return job_of(jid, self._session)

    def __del__(self) -> None:
        if self._client is not None and self._place < len(self._stream.jids):
            self._client.forget(self._stream)

    async def _open(self) -> AnyClient:
        self._client = await self._opened()
        self._client.watch(self._stream)
        return self._client

    def _seconds_left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._clock())
