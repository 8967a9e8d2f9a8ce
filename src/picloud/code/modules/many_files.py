"""The states of many files, asked for without a pause between them.

`os.stat` lets other threads run each time. Where one of them computes, every file would wait its
turn, 5 ms each: 500 files took half a second instead of one millisecond. So the system is asked
directly, while no other thread runs, unless it turns out to be slow.
"""

import os
import sys
from array import array
from collections.abc import Callable, Iterable
from functools import cache
from itertools import repeat
from operator import attrgetter
from time import perf_counter
from typing import Any

State = tuple[int, int, int, int]
"""Time of the last change in ns, size, inode, and the time of the last change of these: who writes
a file may set the first time back, but not the last."""

SLOW = 0.02
"""Seconds that other threads may stand still. Where that is too short they run in between."""

_SIZE = 256
_WORDS = _SIZE // 8
# Words of a `struct statx`.
_INODE, _LENGTH, _CHANGE_SECONDS, _CHANGE_NANOSECONDS, _SECONDS, _NANOSECONDS = 4, 5, 12, 13, 14, 15
_WHICH = (_SECONDS, _NANOSECONDS, _LENGTH, _INODE, _CHANGE_SECONDS, _CHANGE_NANOSECONDS)
_FROM_HERE, _NO_AUTOMOUNT, _BASIC = -100, 0x800, 0x7FF

_state_of = attrgetter("st_mtime_ns", "st_size", "st_ino", "st_ctime_ns")


def state_of(path: str) -> State:
    """The state of one file.

    Raises:
        OSError: it cannot be seen.
    """
    found: State = _state_of(os.stat(path))
    return found


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
        ctypes = _ctypes()
        buffer = bytearray(_SIZE * len(self._paths))
        start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        self._results = memoryview(buffer).cast("Q")
        self._names = [ctypes.c_char_p(os.fsencode(path)) for path in self._paths]
        self._places = [
            ctypes.c_void_p(start + _SIZE * number) for number in range(len(self._paths))
        ]
        times, lengths, inodes, changes = zip(*self._seen, strict=True)
        self._expected = (
            *_split(times),
            array("Q", lengths).tobytes(),
            array("Q", inodes).tobytes(),
            *_split(changes),
        )

    def _calls(self) -> tuple[Any, ...]:
        here, flags, mask = map(repeat, _constants())
        return _statx(), here, self._names, flags, mask, self._places

    def _words(self) -> tuple[bytes, ...]:
        words = self._results
        return tuple(words[word::_WORDS].tobytes() for word in _WHICH)


def _split(times: Iterable[int]) -> tuple[bytes, bytes]:
    seconds, nanoseconds = zip(*(divmod(time, 10**9) for time in times), strict=True)
    return array("q", seconds).tobytes(), array("Q", nanoseconds).tobytes()


@cache
def _ctypes() -> Any:
    """The one that knows the types of the other: a program may import it anew."""
    import ctypes

    return ctypes


@cache
def _constants() -> tuple[Any, Any, Any]:
    ctypes = _ctypes()
    return ctypes.c_int(_FROM_HERE), ctypes.c_int(_NO_AUTOMOUNT), ctypes.c_uint(_BASIC)


@cache
def _statx() -> Callable[..., int] | None:
    """The system's call, as one that keeps other threads waiting; None if it does not work here."""
    try:
        ctypes = _ctypes()
        statx: Any = ctypes.PyDLL(None).statx
        here, flags, mask = _constants()
        buffer = ctypes.create_string_buffer(_SIZE)
        if sys.platform != "linux" or statx(here, b"/", flags, mask, buffer) != 0:
            return None
    except (ImportError, OSError, AttributeError):
        return None
    words = memoryview(bytes(buffer)).cast("Q")
    time, length, inode, change = state_of("/")
    found = tuple(words[word] for word in _WHICH)
    works: Callable[..., int] = statx
    expected = (*divmod(time, 10**9), length, inode, *divmod(change, 10**9))
    return works if found == expected else None
