"""The verbs that make jobs, as coroutines that wait for nothing but `Waiter`s."""

import platform
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from picloud import errors
from picloud.client import Connected
from picloud.code import functions, values
from picloud.job import Job, JobMap, JobSession, job_of
from picloud.job_options import NO_OPTIONS, JobOptions
from picloud.protocol.limits import FRAME_TARGET
from picloud.submissions import MAX_SPECS, Spec
from picloud.waiters import LoopTurn

PIECE_ITEMS = 1_000
"""Items of a `map` that are sent together; a piece ends before that at a megabyte."""

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
            ranges = await self._stream(self._spec(packed, options), packed, calls)
        except (values.Unpicklable, values.Oversize) as error:
            raise errors.SerializationError(str(error)) from error
        return JobMap(ranges, cast("JobSession", self))

    async def _stream(
        self, spec: Spec, packed: functions.PackedFunction, calls: Iterable[tuple[Any, ...]]
    ) -> list[range]:
        """Send pieces while the input is still being read."""
        ranges: list[range] = []
        source = iter(calls)
        while payloads := _piece(packed, source):
            client = self._client or await self._opened()
            while payloads:
                if client.submissions.is_blocked:
                    await client.wait_ready()
                jids = client.submissions.submit_many(spec, payloads)
                if not jids:
                    await client.wait_ready()
                payloads = payloads[len(jids) :]
                _append(ranges, jids)
            await LoopTurn()
        return ranges

    def _spec(self, packed: functions.PackedFunction, options: JobOptions) -> Spec:
        key = (packed.digest, options)
        spec = self._specs.get(key)
        if spec is None:
            spec = Spec(options.spec(packed.name, PYTHON), packed.code)
            while len(self._specs) >= MAX_SPECS:
                self._specs.pop(next(iter(self._specs)), None)
            self._specs[key] = spec
        return spec


def _piece(packed: functions.PackedFunction, calls: Iterator[tuple[Any, ...]]) -> list[bytes]:
    """Pickle the next items, as many as should be sent together."""
    payloads: list[bytes] = []
    size = 0
    check, dumps = packed.check, values.dumps
    for args in calls:
        if not payloads:
            check(*args)  # all items come as equally many arguments
        payload = dumps((args, {}))
        payloads.append(payload)
        size += len(payload)
        if size >= FRAME_TARGET or len(payloads) >= PIECE_ITEMS:
            break
    return payloads


def _append(ranges: list[range], jids: range) -> None:
    if ranges and ranges[-1].stop == jids.start:
        ranges[-1] = range(ranges[-1].start, jids.stop)
    elif jids:
        ranges.append(jids)
