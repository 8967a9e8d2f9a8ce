"""The files behind own modules: their content, and whether they are still the same."""

import marshal
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from picloud.code.imports import Import, read_code
from picloud.code.own_modules import OwnModule
from picloud.code.source_imports import Reading, read_source

MAX_DATA = 64 << 20
"""Bytes of data files of one package."""

_RACY = 50_000_000
"""Nanoseconds. A file that was changed so shortly before it was read may be changed again without
a sign: clocks of file systems are coarse."""

_PYC_HEADER = 16

Signature = tuple[int, int, int] | None
"""Time of the last change, size, inode; None for what is not there."""


class FileWatch:
    """Files and directories, as they were when something was made of them."""

    def __init__(self) -> None:
        self._began = time.time_ns()
        self._files: dict[str, Signature] = {}
        self._directories: dict[str, tuple[Signature, frozenset[str]]] = {}
        self._working_directory = os.getcwd()

    def add(self, file: str, directories: Iterable[str] = ()) -> None:
        """Look at this file from now on, and at what there is in these directories."""
        if file and file not in self._files:
            self._files[file] = _signature(file)
            directories = [*directories, os.path.dirname(file)]
        for directory in directories:
            if directory not in self._directories:
                self._directories[directory] = _signature(directory), _names_in(directory)

    def is_unchanged(self) -> bool:
        """True if nothing of it has changed, as far as one can see without reading it."""
        stat = os.stat
        trusted = self._began - _RACY
        for file, seen in self._files.items():
            try:
                now = stat(file)
            except OSError:
                if seen is not None:
                    return False
                continue
            if (now.st_mtime_ns, now.st_size, now.st_ino) != seen or now.st_mtime_ns > trusted:
                return False
        return all(map(self._looks_the_same, list(self._directories)))

    def _looks_the_same(self, directory: str) -> bool:
        before, names = self._directories[directory]
        now = _signature(directory)
        if now == before and (now is None or now[0] <= self._began - _RACY):
            return True
        if _names_in(directory) != names:
            return False
        self._directories[directory] = now, names  # only other files have come or gone
        return True


def _signature(path: str) -> Signature:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names_in(directory: str) -> frozenset[str]:
    """What could be imported from there."""
    try:
        names = os.listdir(directory or ".")
    except OSError:
        return frozenset()
    return frozenset(
        name for name in names if name.endswith((".py", ".pyc", ".so")) or name.isidentifier()
    )


# ------------------------------------------------------------------ content


def content_of(module: OwnModule) -> tuple[bytes, Callable[[bytes], Reading]]:
    """What to send for a module, and how to read it.

    A module whose file is gone is sent as it was compiled when it was imported, or as its lines
    are still known.

    Raises:
        FileNotFoundError: there is nothing left of it.
    """
    if module.loader is not None:
        source = module.loader.get_source(module.name)
        return (source or "").encode(), read_source
    path = Path(module.file)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _remembered(module), read_source
    return content, read_compiled if path.suffix == ".pyc" else read_source


def _remembered(module: OwnModule) -> bytes:
    import linecache

    lines = linecache.getlines(module.file)
    if not lines:
        raise FileNotFoundError(
            f"module {module.name} was imported from {module.file}, which is there no more"
        )
    return "".join(lines).encode()


def read_compiled(content: bytes) -> Reading:
    """What a compiled module without its source imports."""
    code = marshal.loads(content[_PYC_HEADER:])
    return Reading(
        [Import(one.module, one.names, one.level, True) for one in read_code(code)], True, True
    )


# ------------------------------------------------------------------ data


def data_files(locations: Iterable[str], watch: FileWatch) -> Iterator[tuple[str, Path]]:
    """Files of a package that are no modules, with their paths below it.

    Raises:
        ValueError: they are too large together.
    """
    total = 0
    for location in locations:
        for directory, directories, names in os.walk(location):
            directories[:] = sorted(one for one in directories if _may_hold_data(one))
            for name in sorted(names):
                if name.startswith(".") or name.endswith((".py", ".pyc", ".so", ".pyd")):
                    continue
                file = Path(directory, name)
                total += file.stat().st_size
                if total > MAX_DATA:
                    raise ValueError(
                        f"the data files of the package in {location} are over {MAX_DATA >> 20} MB"
                    )
                watch.add(str(file))
                yield file.relative_to(location).as_posix(), file


def _may_hold_data(directory: str) -> bool:
    return not directory.startswith(".") and directory not in ("__pycache__", "node_modules")
