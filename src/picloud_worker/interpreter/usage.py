"""What an attempt has used: CPU time, memory, its arguments in words, and its profile if asked for.

It is measured of attempts that failed or took a while: for a short one that returned it would
cost more than the job.
"""

import contextlib
import inspect
import io
import os
import reprlib
import resource
import sys
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from picloud_worker.pipe.messages import Used

MEASURED_FROM = 0.005
"""Seconds that an attempt that returns runs at least for it to be told what it has used."""

MAX_ARGUMENTS = 1000
MAX_PROFILE = 64 << 10
"""Characters."""

MAX_PROFILE_LINES = 300

_TO_BYTES = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""

_CLEAR_REFS = "/proc/self/clear_refs"
_FORGET_PEAK = b"5"

_SLACK = (1 << 20) // _TO_BYTES
"""By how much jobs may raise the peak that the next one is told."""


class UsageMeter:
    """Readings of what this process has used so far."""

    def __init__(self) -> None:
        self._begin_anew()
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)

    def begin(self) -> None:
        """What is used from here on is the next batch's: what comes before costs it no time."""
        self._own = resource.getrusage(resource.RUSAGE_SELF)
        self._forget_if_raised()

    def _forget_if_raised(self) -> None:
        if self._own.ru_maxrss > self._floor + _SLACK:
            self._begin_anew()

    def _begin_anew(self) -> None:
        _forget_peak()
        self._own = resource.getrusage(resource.RUSAGE_SELF)
        self._floor = self._own.ru_maxrss

    def read(self, sequence: int, arguments: str, profile: str) -> Used:
        """What has been used since the batch, or its last measured attempt, began."""
        own, children = self._own, self._children
        self._own = now = resource.getrusage(resource.RUSAGE_SELF)
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._forget_if_raised()
        peaks = [now.ru_maxrss]
        if self._children.ru_maxrss > children.ru_maxrss:  # else it is that of an earlier job
            peaks.append(self._children.ru_maxrss)
        return Used(
            sequence,
            now.ru_utime + self._children.ru_utime - own.ru_utime - children.ru_utime,
            now.ru_stime + self._children.ru_stime - own.ru_stime - children.ru_stime,
            max(peaks) * _TO_BYTES,
            arguments,
            profile,
        )


def _forget_peak() -> None:
    """Have `ru_maxrss` count from now on; where the system cannot, it stays that of the process.

    It takes 4 to 30 µs, however much memory is in use, which is too much for each round trip. The
    file is opened each time, as a job may close what it does not know.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(_CLEAR_REFS, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, _FORGET_PEAK)
        finally:
            os.close(descriptor)


class _Shortened(reprlib.Repr):
    """Does not write large bytes out to cut most of it off: that takes four times their memory."""

    def repr_bytes(self, data: bytes | bytearray, level: int) -> str:
        """Their beginning and end, as of a text."""
        return self.repr_str(data, level)  # type: ignore[arg-type]  # it takes slices of it

    repr_bytearray = repr_bytes


def shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as they might be written, shortened."""
    shorten = _Shortened()
    shorten.maxstring = shorten.maxother = shorten.maxlong = 120
    shorten.maxlist = shorten.maxtuple = shorten.maxset = shorten.maxdict = 12
    try:
        parts = [shorten.repr(each) for each in args]
        parts += [f"{name}={shorten.repr(each)}" for name, each in kwargs.items()]
        text = ", ".join(parts)
    except BaseException as error:  # noqa: BLE001 - classes of users run here
        return f"[their repr raised {type(error).__name__}]"
    return text if len(text) <= MAX_ARGUMENTS else f"{text[: MAX_ARGUMENTS - 4]} ..."


class Profiled:
    """A function whose calls are profiled.

    Attributes:
        function: the function itself.
        table: the profiler's, of the last call.
    """

    def __init__(self, function: Callable[..., Any], wait: Callable[[Any], Any]) -> None:
        self.function = function
        self._wait = wait
        self.table = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; of a coroutine function the coroutine is run as well."""
        import cProfile  # few jobs are profiled

        if inspect.iscoroutinefunction(self.function):
            import asyncio  # noqa: F401 - so that its start is no part of the profile

        profile = cProfile.Profile()
        try:
            return profile.runcall(self._call, args, kwargs)
        finally:
            profile.disable()
            self.table = _table(profile)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value = self.function(*args, **kwargs)
        return self._wait(value) if type(value) is CoroutineType else value

    def take_table(self) -> str:
        """The table, once."""
        table, self.table = self.table, ""
        return table


def _table(profile: Any) -> str:
    import pstats

    text = io.StringIO()
    try:
        pstats.Stats(profile, stream=text).sort_stats("cumulative").print_stats(MAX_PROFILE_LINES)
    except TypeError:  # nothing was called
        return ""
    return text.getvalue().strip()[:MAX_PROFILE]
