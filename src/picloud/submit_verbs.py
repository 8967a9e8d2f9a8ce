"""The verbs that make jobs, as coroutines that wait for nothing but `Waiter`s."""

import platform
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, cast

from picloud import errors
from picloud.client import Connected
from picloud.code import functions, values
from picloud.job import Job, JobMap, JobSession, job_of
from picloud.job_futures import kill_soon
from picloud.job_options import NO_OPTIONS, JobOptions
from picloud.protocol.limits import FRAME_TARGET
from picloud.submissions import MAX_SPECS, Spec
from picloud.waiters import LoopTurn

PIECE_ITEMS = 1_000
"""Items of a `map` that are sent together; a piece ends before that at a megabyte.

Only where all of the input is there already: items of a generator are handed to the engine one by
one, which collects what has come in half a millisecond. So a generator may wait, even for a job
that it has just made.
"""

PYTHON = ".".join(platform.python_version_tuple()[:2])


class SubmitVerbs(Connected):
    """`acall` and `amap`."""

    _specs: dict[tuple[bytes, JobOptions], Spec]

    async def acall(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """Run `func(*args, **kwargs)` as a job; see `cloud.call`."""
        return await self.submit_call(NO_OPTIONS, func, args, kwargs)

    async def amap(
        self, func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any
    ) -> JobMap:
        """Run `func` on each item as a job; see `cloud.map`."""
        return await self.submit_map(NO_OPTIONS, func, iterables, options)

    async def submit_call(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Job:
        """What `acall` does, with options."""
        if kwargs:
            options, kwargs = options.with_keywords(kwargs)
        spec, payload = self.packed_call(options, func, args, kwargs)
        job = self.submit_now(spec, payload)
        return job if job is not None else await self.submit_packed(spec, payload)

    async def submit_packed(self, spec: Spec, payload: bytes) -> Job:
        """Submit a job as soon as that can be done."""
        job = None
        while job is None:
            client = self._client or await self._opened()
            await client.wait_ready()
            job = self.submit_now(spec, payload)
        return job

    def packed_call(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Spec, bytes]:
        """Check and pickle a call."""
        try:
            packed = functions.pack(func)
            packed.check(*args, **kwargs)
            return self._spec(packed, options), values.dumps((args, kwargs))
        except (values.Unpicklable, values.Oversize) as error:
            raise errors.SerializationError(str(error)) from error

    def submit_now(self, spec: Spec, payload: bytes) -> Job | None:
        """Submit a job; None if that must wait."""
        client = self._client
        if client is None or client.submissions.is_blocked:
            return None
        jid = client.submissions.submit(spec, payload)
        return None if jid is None else job_of(jid, cast("JobSession", self))

    async def submit_map(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        iterables: tuple[Iterable[Any], ...],
        keywords: dict[str, Any],
    ) -> JobMap:
        """What `amap` does, with options."""
        options, rest = options.with_keywords(keywords)
        if rest:
            raise TypeError(
                f"map() passes no keyword arguments on, such as {next(iter(rest))}: "
                "use functools.partial or a lambda"
            )
        if not iterables:
            raise ValueError("map() needs at least one iterable")
        calls = zip(*iterables)  # noqa: B905 - ends with the shortest, like the built-in
        try:
            packed = functions.pack(func)
            is_there = all(isinstance(each, Sized) for each in iterables)
            pieces = _pieces(packed, calls, PIECE_ITEMS if is_there else 1)
            ranges = await self._stream(self._spec(packed, options), pieces)
        except (values.Unpicklable, values.Oversize) as error:
            raise errors.SerializationError(str(error)) from error
        return JobMap(ranges, cast("JobSession", self))

    async def _stream(self, spec: Spec, pieces: Iterable[list[bytes]]) -> list[range]:
        """Send pieces while the input is still being read; kill them if that fails half way."""
        ranges: list[range] = []
        try:
            unturned = 0
            for payloads in pieces:
                unturned += len(payloads)
                await self._send_piece(spec, payloads, ranges)
                if unturned >= PIECE_ITEMS:
                    unturned = 0
                    await LoopTurn()
        except BaseException:
            # The caller gets no handle of these jobs.
            for jids in ranges:
                kill_soon(self, jids)
            raise
        return ranges

    async def _send_piece(self, spec: Spec, payloads: list[bytes], ranges: list[range]) -> None:
        client = self._client or await self._opened()
        while payloads:
            if client.submissions.is_blocked:
                await client.wait_ready()
            jids = client.submissions.submit_many(spec, payloads)
            if not jids:
                await client.wait_ready()
            payloads = payloads[len(jids) :]
            _append(ranges, jids)

    def _spec(self, packed: functions.PackedFunction, options: JobOptions) -> Spec:
        key = (packed.digest, options)
        spec = self._specs.get(key)
        if spec is None:
            spec = Spec(options.spec(packed.name, PYTHON), packed.code)
            while len(self._specs) >= MAX_SPECS:
                self._specs.pop(next(iter(self._specs)), None)
            self._specs[key] = spec
        return spec


def _pieces(
    packed: functions.PackedFunction, calls: Iterable[tuple[Any, ...]], most: int
) -> Iterator[list[bytes]]:
    """Pickle items, and yield at most so many at a time."""
    check, dumps = packed.check, values.dumps
    payloads: list[bytes] = []
    size = 0
    for args in calls:
        if not payloads:
            check(*args)  # all items come as equally many arguments
        payload = dumps((args, {}))
        payloads.append(payload)
        size += len(payload)
        if len(payloads) >= most or size >= FRAME_TARGET:
            yield payloads
            payloads, size = [], 0
    if payloads:
        yield payloads


def _append(ranges: list[range], jids: range) -> None:
    if ranges and ranges[-1].stop == jids.start:
        ranges[-1] = range(ranges[-1].start, jids.stop)
    elif jids:
        ranges.append(jids)
