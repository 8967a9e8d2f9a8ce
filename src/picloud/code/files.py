"""Files that are open for reading travel: they arrive in memory, at their position.

As in PiCloud the whole file goes, with its name and mode. A job gets a copy: what it reads moves no
position here, and what it might write would reach nobody, so files open for writing are refused.
So is what unpacks a file while it is read: its bytes are not those of the file.
"""

import io
import os
import stat
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn, Self, TypeVar

MOST_UNSIZED = 64 << 20
"""Bytes of a file that does not say how many it has, as those of the kernel do not."""

_UNPACKERS = frozenset(
    {"gzip", "bz2", "lzma", "zipfile", "_compression", "compression._common._streams"}
)
OPEN_THERE = "pass its path, or its bytes, and open it inside the job"
"""What to do about a file of one of these."""

_INNER = ("buffer", "raw", "_fp", "file")
"""By which attributes files of the standard library know what they read from."""


class UnshippableFile(TypeError):  # noqa: N818 - named for the file
    """An open file that cannot travel; the text says why, and what to do."""


class MemoryFile(io.BytesIO):
    """A file that has travelled; as the one that it was made from, it is for reading only.

    Attributes:
        name: what it is called where it comes from.
        mode: how it was opened there.
    """

    name: Any = ""
    mode = "rb"

    def writable(self) -> bool:
        """What is written here would reach nobody."""
        return False

    def write(self, *_: Any) -> NoReturn:
        """Refuse, as a file does that is open for reading.

        Raises:
            io.UnsupportedOperation: always.
        """
        raise io.UnsupportedOperation("not writable: this file was opened for reading")

    writelines = truncate = write

    def peek(self, size: int = 0, /) -> bytes:
        """What comes next, without moving the position."""
        place = self.tell()
        return bytes(self.getbuffer()[place : place + max(size, io.DEFAULT_BUFFER_SIZE)])

    def __reduce__(self) -> tuple[Any, ...]:
        return _binary, (self.getvalue(), self.name, self.tell())


def reduce_file(file: Any) -> tuple[Any, ...]:
    """Pickle an open file.

    Raises:
        UnshippableFile: it is not open for reading, or no file on a disk.
    """
    for name in ("stdout", "stderr"):
        if file is getattr(sys, name) or file is getattr(sys, f"__{name}__"):
            return getattr, (sys, name)
    called = label(file)
    if file.closed:
        raise UnshippableFile(f"{called} is a closed file: open it, or pass its name")
    if file.writable():
        raise UnshippableFile(
            f"{called} is open for writing, and what a job writes stays with the job: "
            "return what is to be written, or open the file inside the job"
        )
    content = _content(file, called)
    name = getattr(file, "name", "")
    if not isinstance(file, io.TextIOWrapper):
        return _binary, (content, name, file.tell())
    try:
        place = file.tell()
    except OSError as error:
        raise UnshippableFile(
            f"{called} is being read line by line, so its position is not known: "
            "pass it before, or pass the lines"
        ) from error
    newline = _newline_of(file, content, place) if b"\r" in content else None
    return _text, (content, name, place, file.encoding, file.errors, newline)


def add_temporary(reducers: dict[type[Any], Callable[[Any], Any]]) -> None:
    """Have the files of `tempfile` pickled, too, if the program has loaded it.

    Python would take along what removes them: it runs where they have arrived, on the file here.
    """
    tempfile: Any = sys.modules.get("tempfile")
    directory = getattr(tempfile, "TemporaryDirectory", None)  # None amid its import as well
    if directory is not None and directory not in reducers:
        reducers[tempfile._TemporaryFileWrapper] = _reduce_wrapper
        reducers[tempfile.SpooledTemporaryFile] = _reduce_spooled
        reducers[tempfile.TemporaryDirectory] = _refuse_directory


def _reduce_wrapper(wrapper: Any) -> tuple[Any, ...]:
    return reduce_file(wrapper.file)


def _reduce_spooled(spooled: Any) -> tuple[Any, ...]:
    return reduce_file(spooled._file)  # to ask itself for its descriptor would write it to a disk


def _refuse_directory(directory: Any) -> NoReturn:
    raise UnshippableFile(
        f"the temporary directory {directory.name!r} would be removed by whoever leaves it first: "
        "pass its name, or what is in it"
    )


def label(file: Any) -> str:
    """What a file is called, or what it reads from, for people."""
    inner = file
    for _ in range(len(_INNER) + 1):
        name = getattr(inner, "name", None)
        if isinstance(name, str | bytes | os.PathLike):
            return repr(name)
        inner = next((each for key in _INNER if (each := getattr(inner, key, None))), None)
    try:
        is_temporary = os.fstat(file.fileno()).st_nlink == 0
    except (AttributeError, OSError, ValueError):
        return "a file without a name"
    return "a temporary file" if is_temporary else f"the file of descriptor {file.fileno()}"


def _content(file: Any, called: str) -> bytes:
    """All of it, with the position left where it is.

    Raises:
        UnshippableFile: it cannot be had.
    """
    raw = file.buffer if isinstance(file, io.TextIOWrapper) else file
    raw = getattr(raw, "raw", raw)
    if isinstance(raw, io.BytesIO):
        return raw.getvalue()
    if type(raw).__module__ in _UNPACKERS:
        raise UnshippableFile(f"{called} is unpacked while it is read: {OPEN_THERE}")
    try:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise UnshippableFile(f"{called} is no file on a disk: pass what it holds") from error
    if not isinstance(raw, io.FileIO) or not stat.S_ISREG(status.st_mode):
        raise UnshippableFile(f"{called} is no file on a disk: read it, and pass what it holds")
    try:
        content = _read(descriptor, status.st_size or MOST_UNSIZED + 1)
    except OSError as error:
        raise UnshippableFile(f"{called} cannot be read: {error.strerror}") from error
    if len(content) > MOST_UNSIZED and not status.st_size:
        raise UnshippableFile(
            f"{called} does not say how much it holds, which is over {MOST_UNSIZED >> 20} MB: "
            "read what you need of it, and pass that"
        )
    return content


_NEWLINES = (None, "", "\n", "\r", "\r\n")
"""What `open` takes for `newline`."""


def _newline_of(file: io.TextIOWrapper, content: bytes, place: int) -> str | None:
    """How it was opened to read ends of lines, which it does not tell: the one that reads alike."""
    try:
        file.seek(0)
        lines = list(file)
        seen = file.newlines
    except UnicodeError:
        return None
    finally:
        file.seek(place)
    for newline in _NEWLINES:
        twin = io.TextIOWrapper(io.BytesIO(content), file.encoding, file.errors, newline)
        if list(twin) == lines and twin.newlines == seen:
            return newline
    return None


def _read(descriptor: int, most: int) -> bytes:
    """What is in a file, up to so many bytes."""
    pieces: list[bytes] = []
    read = 0
    while read < most and (piece := os.pread(descriptor, most - read, read)):
        pieces.append(piece)
        read += len(piece)
    return b"".join(pieces)


class Arrivals:
    """The files that arrive while this is entered: those that a function has captured, say."""

    def __init__(self) -> None:
        self._files: list[tuple[Any, int]] = []

    def __enter__(self) -> Self:
        self._token = _arrivals.set(self._files)
        return self

    def __exit__(self, *_: object) -> None:
        _arrivals.reset(self._token)

    def __bool__(self) -> bool:
        return bool(self._files)

    def rewind(self) -> bool:
        """Have each where it was when it arrived; False if one has been closed since."""
        try:
            for file, place in self._files:
                file.seek(place)
        except ValueError:
            return False
        return True


_arrivals: ContextVar[list[tuple[Any, int]] | None] = ContextVar("arrivals", default=None)


def _binary(content: bytes, name: Any, place: int) -> MemoryFile:
    file = MemoryFile(content)
    file.name = name
    return _arrived(file, place)


def _text(
    content: bytes,
    name: Any,
    place: int,
    encoding: str,
    errors: str | None,
    newline: str | None = None,
) -> io.TextIOWrapper:
    file = io.TextIOWrapper(_binary(content, name, 0), encoding, errors, newline)
    file.mode = "r"  # type: ignore[misc]  # the built-in one has it set by `open`
    return _arrived(file, place)


_File = TypeVar("_File", MemoryFile, io.TextIOWrapper)


def _arrived(file: _File, place: int) -> _File:
    file.seek(place)
    arrivals = _arrivals.get()
    if arrivals is not None:
        arrivals.append((file, place))
    return file


TYPES = (
    io.TextIOWrapper,
    io.BufferedReader,
    io.BufferedWriter,
    io.BufferedRandom,
    io.FileIO,
)
