"""Files that are open for reading travel: they arrive in memory, at their position.

As in PiCloud the whole file goes, with its name and mode. A job gets a copy: what it reads moves no
position here, and what it might write would reach nobody, so files open for writing are refused.
"""

import io
import os
import stat
import sys
from typing import Any


class UnshippableFile(TypeError):  # noqa: N818 - named for the file
    """An open file that cannot travel; the text says why, and what to do."""


class MemoryFile(io.BytesIO):
    """A file that has travelled.

    Attributes:
        name: what it is called where it comes from.
        mode: how it was opened there.
    """

    name: Any = ""
    mode = "rb"


def reduce_file(file: Any) -> tuple[Any, ...]:
    """Pickle an open file.

    Raises:
        UnshippableFile: it is not open for reading, or no file on a disk.
    """
    for name in ("stdout", "stderr"):
        if file is getattr(sys, name) or file is getattr(sys, f"__{name}__"):
            return getattr, (sys, name)
    called = getattr(file, "name", "?")
    if file.closed:
        raise UnshippableFile(f"{called!r} is a closed file: open it, or pass its name")
    if file.writable():
        raise UnshippableFile(
            f"{called!r} is open for writing, and what a job writes stays with the job: "
            "return what is to be written, or open the file inside the job"
        )
    try:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise UnshippableFile(f"{called!r} is no file on a disk: pass what it holds") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnshippableFile(f"{called!r} is no file on a disk: read it, and pass what it holds")
    content = _content(descriptor, status.st_size)
    if not isinstance(file, io.TextIOWrapper):
        return _binary, (content, called, file.tell())
    try:
        place = file.tell()
    except OSError as error:
        raise UnshippableFile(
            f"{called!r} is being read line by line, so its position is not known: "
            "pass it before, or pass the lines"
        ) from error
    return _text, (content, called, place, file.encoding, file.errors)


def _content(descriptor: int, size: int) -> bytes:
    """All of it, with the position left where it is."""
    pieces: list[bytes] = []
    read = 0
    while read < size and (piece := os.pread(descriptor, size - read, read)):
        pieces.append(piece)
        read += len(piece)
    return b"".join(pieces)


def _binary(content: bytes, name: Any, place: int) -> MemoryFile:
    file = MemoryFile(content)
    file.name = name
    file.seek(place)
    return file


def _text(
    content: bytes, name: Any, place: int, encoding: str, errors: str | None
) -> io.TextIOWrapper:
    file = io.TextIOWrapper(_binary(content, name, 0), encoding=encoding, errors=errors)
    file.mode = "r"  # type: ignore[misc]  # the built-in one has it set by `open`
    file.seek(place)
    return file


TYPES = (
    io.TextIOWrapper,
    io.BufferedReader,
    io.BufferedWriter,
    io.BufferedRandom,
    io.FileIO,
)
