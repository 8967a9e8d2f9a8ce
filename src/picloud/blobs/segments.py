"""Files that blobs are written to, used again when nobody reads them any more.

Memory that the kernel has to find first costs ten times as much as memory that is there: a file
system in memory gives 2 GB/s to a new file, and 20 GB/s to a file that is written over through a
mapping that the writer has kept. So what is removed is put aside, and its file is the next blob's.

What is put aside is `MAX_SPARE` at most; a process that has made or read a blob may keep that one
beyond it until it hears of the next, and what is then one too many is emptied at once.
"""

import contextlib
import fcntl
import mmap
import os
import re
import uuid
from collections import OrderedDict
from pathlib import Path

MAX_SPARE = 1 << 30
"""Bytes of files that are put aside, at most."""

MAX_MAPPED = 1 << 30
"""Bytes that one process keeps mapped for writing, at most."""

MOST_MAPPED = 32
"""Files that it keeps mapped: each is two open files."""

WASTE = 4
"""A file that is put aside is not used for a blob that is so many times smaller."""

_IN_ORDER = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)


class Segment:
    """A file to write a blob to, under a name that only its writer knows."""

    def __init__(self, path: Path, descriptor: int, capacity: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.capacity = capacity


class _Mapping:
    """A file as memory. Its inode is not used for another file as long as this exists."""

    def __init__(self, path: Path, capacity: int) -> None:
        self._descriptor = -1
        # Not the blob's own descriptor: one that is used by a mapping keeps its lock with it.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.memory = mmap.mmap(self._descriptor, capacity, _IN_ORDER)

    @property
    def is_gone(self) -> bool:
        """True if nobody will write to this file again, and we only hold its memory."""
        return os.fstat(self._descriptor).st_nlink == 0

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


class Segments:
    """The files of one directory that are no blobs: being written, or put aside.

    Args:
        directory: an existing one; files move into it and out of it by renaming.
        recycles: files are put aside; they are deleted where that is of no use.
    """

    def __init__(self, directory: Path, *, recycles: bool) -> None:
        self._new = directory / "new"
        self._spare = directory / "spare"
        self._recycles = recycles
        self._mapped: OrderedDict[int, _Mapping] = OrderedDict()
        for each in (self._new, self._spare):
            each.mkdir(exist_ok=True)

    def take(self, size: int) -> Segment:
        """Make a file for so many bytes, or use one that was put aside.

        Raises:
            OSError: there can be no more files.
        """
        path = self._name()
        for capacity, name in self._spares():
            if size <= capacity <= WASTE * size:
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    os.rename(self._spare / name, path)
                    return Segment(path, os.open(path, os.O_RDWR | os.O_CLOEXEC), capacity)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return Segment(path, os.open(path, flags, 0o600), 0)

    def write(self, segment: Segment, data: memoryview) -> None:
        """Write a blob to a file, from its beginning.

        Raises:
            OSError: there is no room; the file is gone.
        """
        try:
            if segment.capacity:
                self._map(segment)[: len(data)] = data
            else:
                write_at(segment.descriptor, data, 0)
        except BaseException:
            self.discard(segment)
            raise

    def discard(self, segment: Segment) -> None:
        """It becomes no blob."""
        os.close(segment.descriptor)
        segment.path.unlink(missing_ok=True)

    def recycle(self, path: Path, *, spares_read: bool = False) -> bool:
        """Take a blob's file away, to be used again unless somebody reads it; False if it stays.

        It is first given a name that only we know: who has opened it under its old one sees that
        it is not there any more, and who puts another file there loses nothing.

        Args:
            spares_read: it stays if somebody reads it now.
        """
        if spares_read and _is_read(path):
            return False  # it must not be gone even for a moment: others may be looking for it
        taken = self._name()
        try:
            path.rename(taken)
        except FileNotFoundError:
            return True
        try:
            descriptor = os.open(taken, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # too many are open
            taken.unlink(missing_ok=True)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._put_aside(taken, descriptor)
        except BlockingIOError:
            if spares_read:
                taken.rename(path)  # somebody was faster
                return False
            taken.unlink()  # whoever reads it goes on, and the memory goes with him
        finally:
            os.close(descriptor)
        return True

    def _put_aside(self, path: Path, descriptor: int) -> None:
        status = os.fstat(descriptor)
        spare = sum(capacity for capacity, _ in self._spares())
        if self._recycles and spare + status.st_size <= MAX_SPARE:
            path.rename(self._spare / f"{status.st_size}-{status.st_ino}")
        else:
            if self._recycles:
                _empty(descriptor, status.st_size)
            path.unlink()

    def clear(self, process: str) -> None:
        """Delete what a process was writing when it ended."""
        for path in self._new.glob(f"{process}-*"):
            path.unlink(missing_ok=True)

    def _name(self) -> Path:
        return self._new / f"{os.getpid()}-{uuid.uuid4().hex}"

    def _spares(self) -> list[tuple[int, str]]:
        """Those put aside, with their sizes; what this process has mapped, and is small, first."""
        names = filter(_SPARE.fullmatch, os.listdir(self._spare))  # nobody else's
        sized = [(int(name.partition("-")[0]), name) for name in names]
        return sorted(sized, key=lambda each: (not self._is_mapped(each[1]), each[0]))

    def _is_mapped(self, name: str) -> bool:
        return int(name.partition("-")[2]) in self._mapped

    def _map(self, segment: Segment) -> mmap.mmap:
        inode = os.fstat(segment.descriptor).st_ino
        mapping = self._mapped.pop(inode, None)
        if mapping is None:
            self._forget_those_gone()
            mapping = _Mapping(segment.path, segment.capacity)
        self._mapped[inode] = mapping
        while len(self._mapped) > 1 and self._maps_too_much():
            self._mapped.popitem(last=False)
        return mapping.memory

    def _maps_too_much(self) -> bool:
        size = sum(len(each.memory) for each in self._mapped.values())
        return size > MAX_MAPPED or len(self._mapped) > MOST_MAPPED

    def _forget_those_gone(self) -> None:
        for inode in [inode for inode, each in self._mapped.items() if each.is_gone]:
            del self._mapped[inode]


_SPARE = re.compile(r"\d+-\d+")


def _empty(descriptor: int, size: int) -> None:
    """Give the memory of a file back, although some process may still have it mapped.

    The file keeps its length: whoever looks there nevertheless sees zeros, and does not die.
    """
    with (
        contextlib.suppress(OSError, ValueError, AttributeError),  # where the system cannot
        mmap.mmap(descriptor, size) as memory,
    ):
        memory.madvise(mmap.MADV_REMOVE)


def _is_read(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # too many are open to know
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_at(descriptor: int, data: memoryview | bytes, offset: int) -> None:
    """Write all of it.

    Raises:
        OSError: there is no room.
    """
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def read_into(descriptor: int, memory: memoryview) -> None:
    """Fill it from the beginning of a file that is at least as long."""
    offset = 0
    while offset < len(memory):
        offset += os.preadv(descriptor, [memory[offset:]], offset)
