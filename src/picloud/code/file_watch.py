"""Whether files and directories are still what they were when something was made of them."""

import os
import time
from collections.abc import Iterable

_RACY = 50_000_000
"""Nanoseconds. A file that was changed so shortly before it was read may be changed again without
a sign: clocks of file systems are coarse."""

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
