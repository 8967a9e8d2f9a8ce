"""Blobs as files, by key, for all processes of one machine that know the directory.

Whoever reads a blob, or must not lose it, holds a shared lock on its file: views do so as long as
they are used, and the kernel lets go of the locks of a process that has died. So a file is used
again only when nobody can see its bytes change, and nobody has to keep count.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import xxhash

from picloud.blobs.segments import Segment, Segments, write_at
from picloud.blobs.views import Views
from picloud.protocol import limits
from picloud.protocol.payloads import KEY_SIZE, key_of, size_of

RESERVE = 256 << 20
"""Bytes that are left free in memory: a full file system there stops other programs, too."""

Buffer = bytes | bytearray | memoryview


class Pin:
    """Keeps the bytes of a blob until it is closed, even if the blob is removed meanwhile."""

    def __init__(self, key: bytes, descriptor: int) -> None:
        self.key = key
        self._descriptor = descriptor

    def read(self, offset: int, size: int) -> bytes:
        """A piece of the blob, even after it was removed."""
        return os.pread(self._descriptor, min(size, size_of(self.key) - offset), offset)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    __del__ = close


class Incoming:
    """A blob that arrives piece by piece, in order."""

    def __init__(self, places: "Iterator[_Place]", key: bytes) -> None:
        self.key = key
        self.received = 0
        self._places = places
        self._place = next(places)
        self._segment = self._place.segments.take(size_of(key))
        self._hash = xxhash.xxh3_128()

    def add(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            OSError: there is no room for it.
        """
        try:
            write_at(self._segment.descriptor, data, self.received)
        except OSError:  # others have filled the memory that was free when this began
            place = next(self._places, None)
            if place is None:
                raise
            self._move(place)
            write_at(self._segment.descriptor, data, self.received)
        self._hash.update(data)
        self.received += len(data)

    def _move(self, place: "_Place") -> None:
        segment = place.segments.take(size_of(self.key))
        try:
            for offset in range(0, self.received, limits.BLOB_PIECE):
                size = min(limits.BLOB_PIECE, self.received - offset)
                piece = os.pread(self._segment.descriptor, size, offset)
                write_at(segment.descriptor, piece, offset)
        except BaseException:
            place.segments.discard(segment)
            raise
        self.abort()
        self._place, self._segment = place, segment

    def finish(self) -> bool:
        """It is whole; False if it is not what its key says, and was thrown away.

        Raises:
            OSError: it cannot get its name.
        """
        if key_of(self._hash.digest(), self.received) != self.key:
            self.abort()
            return False
        self._place.publish(self._segment, self.key)
        os.close(self._segment.descriptor)
        return True

    def abort(self) -> None:
        """It will not become whole."""
        self._place.segments.discard(self._segment)


_NAME = re.compile(rf"[0-9a-f]{{{2 * KEY_SIZE}}}")


class _Place:
    """One of the directories of a store."""

    def __init__(self, directory: Path, *, is_memory: bool) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self.is_memory = is_memory
        self.segments = Segments(directory, recycles=is_memory)
        self.views = Views(recycles=is_memory)

    def path(self, key: bytes) -> Path:
        return self._directory / key.hex()

    def free(self) -> int:
        status = os.statvfs(self._directory)
        return status.f_bavail * status.f_frsize

    def has_room(self, size: int) -> bool:
        return self.free() >= size + RESERVE

    def publish(self, segment: Segment, key: bytes) -> None:
        """Nobody reads it before it is whole: it gets its name only now."""
        segment.path.rename(self.path(key))

    def keys_before(self, moment: float) -> Iterator[bytes]:
        """What got its name before this moment."""
        for entry in os.scandir(self._directory):
            if _NAME.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):  # it was removed just now
                    if entry.stat().st_ctime < moment:  # renaming counts as a change
                        yield bytes.fromhex(entry.name)

    def open(self, key: bytes) -> int | None:
        """A descriptor with a shared lock; None if the blob is not here."""
        path = self.path(key)
        while True:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            status = os.fstat(descriptor)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == status.st_ino:
                    if status.st_size >= size_of(key):
                        return descriptor
                    path.unlink()  # a job has made it shorter, and whoever maps it would die
            os.close(descriptor)  # it was removed, or replaced by its like, before it was locked

    def remove(self, key: bytes, *, spares_read: bool) -> bool:
        return self.segments.recycle(self.path(key), spares_read=spares_read)


class BlobStore:
    """Blobs in a directory in memory, as long as there is room, and in one on disk.

    Args:
        memory: None to keep all of them on disk.
        disk: made if it does not exist, as the other is.

    Raises:
        OSError: the directories cannot be made.
    """

    def __init__(self, memory: Path | None, disk: Path) -> None:
        self._directories = [disk] if memory is None else [memory, disk]
        self._places = [_Place(disk, is_memory=False)]
        if memory is not None:
            self._places.insert(0, _Place(memory, is_memory=True))

    def below(self, name: str) -> Self:
        """The store in the directories of this name below those of this one."""
        *memory, disk = (each / name for each in self._directories)
        return type(self)(memory[0] if memory else None, disk)

    @property
    def directories(self) -> Sequence[str]:
        """Where it is, for another process: in memory, if it is there too, then on disk."""
        return [str(each) for each in self._directories]

    def put(self, data: Buffer) -> Pin:
        """Keep a content, unless it is here; the pin keeps it from being removed meanwhile.

        Raises:
            OSError: there is no room for it.
        """
        view = memoryview(data).cast("B")
        key = key_of(xxhash.xxh3_128(view).digest(), len(view))
        pin = self.pin(key)
        return pin if pin is not None else self._write(key, view)

    def _write(self, key: bytes, view: memoryview) -> Pin:
        for place in self._with_room(len(view)):
            segment = place.segments.take(len(view))
            try:
                place.segments.write(segment, view)
            except OSError:
                if place is self._places[-1]:
                    raise
                continue
            try:
                fcntl.flock(segment.descriptor, fcntl.LOCK_SH)
                place.publish(segment, key)
            except BaseException:
                place.segments.discard(segment)
                raise
            return Pin(key, segment.descriptor)
        raise AssertionError("the last place is always tried")

    def _with_room(self, size: int) -> Iterator[_Place]:
        for place in self._places:
            if place is self._places[-1] or place.has_room(size):
                yield place

    def free(self) -> int:
        """Bytes that are free now in the place that takes what fits in no other."""
        return self._places[-1].free()

    def receive(self, key: bytes) -> Incoming:
        """Begin to take in a blob from elsewhere.

        Raises:
            OSError: there can be no more files.
        """
        return Incoming(self._with_room(size_of(key)), key)

    def has(self, key: bytes) -> bool:
        """True if it is here now."""
        return any(place.path(key).exists() for place in self._places)

    def older_than(self, seconds: float) -> set[bytes]:
        """The keys of those that have been here for so long."""
        moment = time.time() - seconds
        return {key for place in self._places for key in place.keys_before(moment)}

    def pin(self, key: bytes) -> Pin | None:
        """Keep it from being removed; None if it is not here."""
        for place in self._places:
            descriptor = place.open(key)
            if descriptor is not None:
                return Pin(key, descriptor)
        return None

    def open(self, key: bytes) -> memoryview | None:
        """Its bytes, not copied unless there are many views; None if it is not here.

        What is written to them stays with this view: other readers see the blob as it is.
        """
        if not size_of(key):
            return memoryview(bytearray())
        for place in self._places:
            descriptor = place.open(key)
            if descriptor is not None:
                return place.views.open(descriptor, size_of(key))
        return None

    def remove(self, key: bytes) -> None:
        """Forget it; those who read it now are not disturbed."""
        for place in self._places:
            place.remove(key, spares_read=False)

    def remove_unread(self, key: bytes) -> bool:
        """Forget it, unless somebody reads it now or has just put it here once more: then False."""
        stays = [place for place in self._places if not place.remove(key, spares_read=True)]
        return not stays

    def clear(self, process: str) -> None:
        """Delete what a process was writing when it ended."""
        for place in self._places:
            place.segments.clear(process)

    def delete(self) -> None:
        """Remove the store with everything in it."""
        for each in self._directories:
            with contextlib.suppress(OSError):
                shutil.rmtree(each)
