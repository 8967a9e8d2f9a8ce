"""What attempts have used: CPU time, memory, and a profile if it is asked for.

Short ones that returned are measured together with their neighbours: each by itself would cost as
much as they do.
"""

import contextlib
import inspect
import io
import os
import resource
import sys
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from picloud.protocol.usage import Usage

MEASURED_FROM = 0.005
"""Seconds that an attempt that returns runs at least to be measured apart from others."""

MAX_PROFILE = 64 << 10
"""Characters."""

MAX_PROFILE_LINES = 300

_TO_BYTES = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""

_CLEAR_REFS = "/proc/self/clear_refs"
_FORGET_PEAK = b"5"

_used, _open, _write, _close = resource.getrusage, os.open, os.write, os.close  # jobs replace them

_SLACK = (1 << 20) // _TO_BYTES
"""By how much jobs may raise the peak that the next one is told."""


class UsageMeter:
    """Readings of what this process has used so far."""

    def __init__(self) -> None:
        self._children = _used(resource.RUSAGE_CHILDREN)
        self._begin_anew()
        self._user = self._system = 0.0

    def begin(self) -> None:
        """What is used from here on is the next batch's: what comes before costs it no time."""
        self._own = _used(resource.RUSAGE_SELF)
        self._user = self._system = 0.0
        self._forget_if_raised()

    def _forget_if_raised(self) -> None:
        if self._own.ru_maxrss > self._floor + _SLACK:
            self._begin_anew()

    def _begin_anew(self) -> None:
        _forget_peak()
        self._own = _used(resource.RUSAGE_SELF)
        self._floor = self._own.ru_maxrss

    def read(self, runtime: float) -> Usage:
        """What attempts that ran so long have used since the batch, or the last reading, began."""
        own, children = self._own, self._children
        self._own = now = _used(resource.RUSAGE_SELF)
        self._children = _used(resource.RUSAGE_CHILDREN)
        self._forget_if_raised()
        peak = now.ru_maxrss
        if self._children.ru_maxrss > children.ru_maxrss:  # else it is that of an earlier job
            peak = max(peak, self._children.ru_maxrss)
        user = now.ru_utime + self._children.ru_utime - own.ru_utime - children.ru_utime
        system = now.ru_stime + self._children.ru_stime - own.ru_stime - children.ru_stime
        usage = Usage(runtime, self._user + user, self._system + system, peak * _TO_BYTES)
        self._user = self._system = 0.0
        return usage

    def put_back(self, usage: Usage) -> None:
        """This part of a reading is of an attempt that still runs: the next one has it as well."""
        self._user, self._system = usage.user, usage.system


def part_of(usage: Usage, runtime: float, arguments: str = "", profile: str = "") -> Usage:
    """The share of those attempts that ran so long, of all that were measured together."""
    share = runtime / usage.runtime if usage.runtime else 1.0
    return Usage(runtime, usage.user * share, usage.system * share, usage.peak, arguments, profile)


def _forget_peak() -> None:
    """Have `ru_maxrss` count from now on; where the system cannot, it stays that of the process.

    It takes 4 to 30 µs, however much memory is in use, which is too much for each round trip. The
    file is opened each time, as a job may close what it does not know.
    """
    with contextlib.suppress(OSError):
        descriptor = _open(_CLEAR_REFS, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _write(descriptor, _FORGET_PEAK)
        finally:
            _close(descriptor)


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
