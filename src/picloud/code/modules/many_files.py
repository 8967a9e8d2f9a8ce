"""The states of many files, asked for without a pause between them.

`os.stat` lets other threads run each time. Where one of them computes, every file would wait its
turn, 5 ms each: 500 files took half a second instead of one millisecond. So the system is asked
directly, while no other thread runs, unless it turns out to be slow.
"""

import os
import sys
from array import array
from collections.abc import Callable
from functools import cache
from itertools import repeat
from operator import attrgetter
from time import perf_counter
from typing import Any

State = tuple[int, int, int]
"""Time of the last change in ns, size, inode."""

SLOW = 0.02
"""Seconds that other threads may stand still. Where that is too short they run in between."""

_SIZE = 256
_WORDS = _SIZE // 8
_INODE, _LENGTH, _SECONDS, _NANOSECONDS = 4, 5, 14, 15  # words of a `struct statx`
_FROM_HERE, _NO_AUTOMOUNT, _BASIC = -100, 0x800, 0x7FF

_state_of = attrgetter("st_mtime_ns", "st_size", "st_ino")


def state_of(path: str) -> State:
    """The state of one file.

    Raises:
        OSError: it cannot be seen.
    """
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


class ManyFiles:
    """Files and their states, to compare with what they are now."""

    def __init__(self, states: dict[str, State]) -> None:
        self._paths = list(states)
        self._seen = list(states.values())
        self._look = self._look_at_once if states and _statx() else self._look_in_turn
        if self._look == self._look_at_once:
            self._prepare()

    def are_as_seen(self) -> bool:
        """True if all of them are still in these states."""
        began = perf_counter()
        same = self._look()
        if perf_counter() - began > SLOW:
            self._look = self._look_in_turn
        return same

    def _look_in_turn(self) -> bool:
        try:
            return list(map(_state_of, map(os.stat, self._paths))) == self._seen
        except OSError:
            return False

    def _look_at_once(self) -> bool:
        return not any(map(*self._calls())) and self._words() == self._expected

    # ------------------------------------------------------------------ the system's own call

    def _prepare(self) -> None:
        import ctypes

        buffer = bytearray(_SIZE * len(self._paths))
        start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        self._results = memoryview(buffer).cast("Q")
        self._names = [ctypes.c_char_p(os.fsencode(path)) for path in self._paths]
        self._places = [
            ctypes.c_void_p(start + _SIZE * number) for number in range(len(self._paths))
        ]
        seconds, nanoseconds = zip(*(divmod(time, 10**9) for time, _, _ in self._seen), strict=True)
        self._expected = (
            array("q", seconds).tobytes(),
            array("Q", nanoseconds).tobytes(),
            array("Q", (length for _, length, _ in self._seen)).tobytes(),
            array("Q", (inode for _, _, inode in self._seen)).tobytes(),
        )

    def _calls(self) -> tuple[Any, ...]:
        here, flags, mask = map(repeat, _constants())
        return _statx(), here, self._names, flags, mask, self._places

    def _words(self) -> tuple[bytes, ...]:
        words = self._results
        which = (_SECONDS, _NANOSECONDS, _LENGTH, _INODE)
        return tuple(words[word::_WORDS].tobytes() for word in which)


@cache
def _constants() -> tuple[Any, Any, Any]:
    import ctypes

    return ctypes.c_int(_FROM_HERE), ctypes.c_int(_NO_AUTOMOUNT), ctypes.c_uint(_BASIC)


@cache
def _statx() -> Callable[..., int] | None:
    """The system's call, as one that keeps other threads waiting; None if it does not work here."""
    try:
        import ctypes

        statx: Any = ctypes.PyDLL(None).statx
        here, flags, mask = _constants()
        buffer = ctypes.create_string_buffer(_SIZE)
        if sys.platform != "linux" or statx(here, b"/", flags, mask, buffer) != 0:
            return None
    except (ImportError, OSError, AttributeError):
        return None
    words = memoryview(bytes(buffer)).cast("Q")
    time, length, inode = state_of("/")
    found = words[_SECONDS], words[_NANOSECONDS], words[_LENGTH], words[_INODE]
    works: Callable[..., int] = statx
    return works if found == (*divmod(time, 10**9), length, inode) else None
