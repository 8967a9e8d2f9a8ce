"""The bytes of blobs in memory, without copies, and without finding them page by page each time.

A private mapping of a file costs 5 ms for 64 MB until all of its pages are found, and shows what
is in the file as long as it is not written to. So a mapping that nobody uses any more, and that
nobody has written to, is kept: when the file holds another blob, it shows that one.
"""

import contextlib
import ctypes
import mmap
import os
import threading
import weakref
from collections import deque
from typing import Any

from picloud.blobs.segments import read_into

MOST_MAPPED = 128
"""Views that are used at the same time, with two open files each, of which a process may have
1,024. Later ones are copies."""

MAX_IDLE = 1 << 30
MOST_IDLE = 32
"""Mappings that are kept although nobody uses them: bytes, and how many."""

_PRIVATE = mmap.MAP_PRIVATE
_WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE
_PAGEMAP = "/proc/self/pagemap"
_ENTRY = 8
_UNWRITTEN = bytes(flags for flags in range(256) if flags & 0x20 or not flags & 0xC0)
"""Upper bytes of entries of the page map: of a page of the file, or of none that was found yet.
What was written to is a page of our own, in memory (0x80) or swapped out (0x40)."""

_Place = tuple[
    int, int
]  # a file's device and inode, which nobody else gets as long as it is mapped


class _Idle:
    """A mapping that nobody uses now, and its file, without a lock."""

    def __init__(self, memory: mmap.mmap, descriptor: int) -> None:
        self.memory = memory
        self._descriptor = _reopened(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):  # a job may have closed what it does not know
            os.close(self._descriptor)

    @property
    def is_gone(self) -> bool:
        """The file was deleted: no other blob comes into it."""
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:
            return True


class Views:
    """What one process sees of the blobs of a directory; for all of its threads.

    A use may end in any thread, and amid any step of this one, too; and a job may fork while
    another of its threads has the lock. So nobody waits for it: whoever cannot have it at once
    maps anew, or leaves what he has for the next one to sort in.

    Args:
        recycles: files are used again.
    """

    def __init__(self, *, recycles: bool) -> None:
        self._recycles = recycles
        self._lock = threading.Lock()
        self._idle: dict[_Place, _Idle] = {}
        self._left: deque[tuple[_Place, _Idle]] = deque()
        self._used: dict[int, None] = {}  # by the numbers of the locks' descriptors

    @property
    def in_use(self) -> int:
        """Views that are mapped and used now."""
        return len(self._used)

    def open(self, descriptor: int, size: int) -> memoryview:
        """The first bytes of a file, to be written to as the caller likes.

        Args:
            descriptor: of the file, with a lock; closed with the last use of the bytes.
            size: how many.
        """
        try:
            if self.in_use >= MOST_MAPPED:
                copy = memoryview(bytearray(size))
                read_into(descriptor, copy)
                os.close(descriptor)
                return copy
            status = os.fstat(descriptor)
            place = status.st_dev, status.st_ino
            memory = self._take_idle(place) or _mapped(descriptor, status.st_size)
        except BaseException:
            os.close(descriptor)
            raise
        # All that looks at the bytes keeps this object, and it alone: with it the use ends.
        holder: Any = (ctypes.c_char * len(memory)).from_buffer(memory)
        end = weakref.finalize(holder, self._end_use, place, memory, descriptor)
        end.atexit = False
        self._used[descriptor] = None
        return memoryview(holder).cast("B")[:size]

    def _take_idle(self, place: _Place) -> mmap.mmap | None:
        if not self._lock.acquire(blocking=False):
            return None
        try:
            idle = self._idle.pop(place, None)
            return idle.memory if idle is not None else None
        finally:
            self._lock.release()

    def _end_use(self, place: _Place, memory: mmap.mmap, descriptor: int) -> None:
        self._used.pop(descriptor, None)  # before its number can be given to another one
        with contextlib.suppress(OSError):  # a job may have closed what it does not know
            if self._recycles and _is_unwritten(memory):
                self._left.append((place, _Idle(memory, descriptor)))
            os.close(descriptor)
        if self._lock.acquire(blocking=False):
            try:
                self._sort_in()
            finally:
                self._lock.release()

    def _sort_in(self) -> None:
        """Keep what was left; let go of what is gone, and of the oldest while it is too much."""
        while self._left:
            place, idle = self._left.popleft()
            self._idle.pop(place, None)
            self._idle[place] = idle
        count = size = 0
        for place, idle in reversed(list(self._idle.items())):
            length = len(idle.memory)
            if idle.is_gone or count >= MOST_IDLE or size + length > MAX_IDLE:
                del self._idle[place]
            else:
                count, size = count + 1, size + length


def _reopened(descriptor: int) -> int:
    """Another descriptor of the same file, which does not share its lock."""
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    # A mapping keeps a descriptor, and with it the lock of that one.
    own = _reopened(descriptor)
    try:
        return mmap.mmap(own, size, _PRIVATE, _WRITABLE)
    finally:
        os.close(own)


def _is_unwritten(mapping: mmap.mmap) -> bool:
    """False if a page was written to, or if that cannot be told."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    count = -(-len(mapping) // mmap.PAGESIZE)
    try:
        with open(_PAGEMAP, "rb", buffering=0) as file:
            entries = os.pread(file.fileno(), _ENTRY * count, address // mmap.PAGESIZE * _ENTRY)
    except OSError:
        return False
    return len(entries) == _ENTRY * count and not entries[_ENTRY - 1 :: _ENTRY].translate(
        None, _UNWRITTEN
    )
