"""`cloud.options(...)`: options to submit with, any number of times."""

from collections.abc import Callable, Iterable
from typing import Any

from picloud.blocking import drive
from picloud.job import Job, JobMap
from picloud.job_options import JobOptions
from picloud.submit_verbs import SubmitVerbs


class Options:
    """Options of jobs, and the verbs that submit with them.

    A value: it never changes, equals others with the same options, and can be kept and shared.
    """

    __slots__ = ("_job_options", "_session_of")

    def __init__(self, session_of: Callable[[], SubmitVerbs], job_options: JobOptions) -> None:
        self._session_of = session_of
        self._job_options = job_options

    def options(self, **options: Any) -> "Options":
        """Make the same with some options changed; see `cloud.options`."""
        return Options(self._session_of, self._job_options.changed(options))

    def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """Run `func(*args, **kwargs)` as a job with these options; see `cloud.call`."""
        return drive(self.acall(func, *args, **kwargs), "call")

    def map(self, func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> JobMap:
        """Run `func` on each item as a job with these options; see `cloud.map`."""
        return drive(self.amap(func, *iterables, **options), "map")

    async def acall(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """The same as `call`, for asyncio."""
        return await self._session_of().submit_call(self._job_options, func, args, kwargs)

    async def amap(
        self, func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any
    ) -> JobMap:
        """The same as `map`, for asyncio."""
        return await self._session_of().submit_map(self._job_options, func, iterables, options)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Options):
            return NotImplemented
        return self._job_options == other._job_options

    def __hash__(self) -> int:
        return hash(self._job_options)

    def __repr__(self) -> str:
        changed = (f"{name}={item!r}" for name, item in self._job_options.named().items())
        return f"options({', '.join(changed)})"
