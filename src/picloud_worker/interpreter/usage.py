"""What an attempt has used: CPU time, memory, its arguments in words, and its profile if asked for.

It is measured only of attempts that took a while: for a short one it would cost more than the job.
"""

import inspect
import io
import reprlib
import resource
import sys
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from picloud_worker.pipe.messages import Used

MEASURED_FROM = 0.005
"""Seconds that an attempt runs at least of which it is told what it has used."""

MAX_ARGUMENTS = 1000
MAX_PROFILE = 64 << 10
"""Characters."""

MAX_PROFILE_LINES = 300

_TO_BYTES = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""


class UsageMeter:
    """Readings of what this process has used so far."""

    def __init__(self) -> None:
        self.begin()
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)

    def begin(self) -> None:
        """What is used from here on is the next batch's: what comes before costs it no time."""
        self._own = resource.getrusage(resource.RUSAGE_SELF)

    def read(self, sequence: int, arguments: str, profile: str) -> Used:
        """What has been used since the batch, or its last measured attempt, began."""
        own, children = self._own, self._children
        self.begin()
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = self._own, self._children
        return Used(
            sequence,
            sum(one.ru_utime for one in now) - own.ru_utime - children.ru_utime,
            sum(one.ru_stime for one in now) - own.ru_stime - children.ru_stime,
            max(one.ru_maxrss for one in now) * _TO_BYTES,
            arguments,
            profile,
        )


def shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as they might be written, shortened."""
    shorten = reprlib.Repr()
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
        table: the profiler's, of the last call.
    """

    def __init__(self, function: Callable[..., Any], wait: Callable[[Any], Any]) -> None:
        self._function = function
        self._wait = wait
        self.table = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; of a coroutine function the coroutine is run as well."""
        import cProfile  # few jobs are profiled

        if inspect.iscoroutinefunction(self._function):
            import asyncio  # noqa: F401 - so that its start is no part of the profile

        profile = cProfile.Profile()
        try:
            return profile.runcall(self._call, args, kwargs)
        finally:
            profile.disable()
            self.table = _table(profile)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value = self._function(*args, **kwargs)
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
