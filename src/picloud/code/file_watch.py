"""Whether files and directories are still what they were when something was made of them."""

import os
import sys
import time
from collections.abc import Iterable
from operator import attrgetter

_RACY = 50_000_000
"""Nanoseconds. A file that was changed so shortly before it was read may be changed again without
a sign: clocks of file systems are coarse."""

Signature = tuple[int, int, int] | None
"""Time of the last change, size, inode; None for what is not there."""

_signature_of = attrgetter("st_mtime_ns", "st_size", "st_ino")


class FileWatch:
    """Files and directories, as they were when something was made of them.

    It notes as well where modules are looked for, and which are not loaded.
    """

    def __init__(self) -> None:
        self._began = time.time_ns()
        self._files: dict[str, None] = {}
        self._seen: list[Signature] = []  # of each of these
        self._missing: set[str] = set()  # files that were not there
        self._is_racy = False
        self._directories: dict[str, _Directory] = {}
        self._settled: list[Signature] | None = (
            None  # of directories, if that is all there is to see
        )
        self._absent: list[str] = []
        self._path = list(sys.path)
        self._working_directory = "" if all(map(os.path.isabs, sys.path)) else _working_directory()

    def add(self, file: str, directories: Iterable[str] = ()) -> None:
        """Look at this file from now on, and at what there is in these directories."""
        if file and file not in self._files and file not in self._missing:
            signature = _signature(file)
            if signature is None:
                self._missing.add(file)
            else:
                self._files[file] = None
                self._seen.append(signature)
                self._is_racy |= signature[0] > self._began - _RACY
            directories = [*directories, os.path.dirname(file)]
        for directory in directories:
            if directory not in self._directories:
                self._directories[directory] = _Directory(directory)
                self._settled = None

    def add_absent(self, module: str) -> None:
        """Look from now on whether a module of this name is loaded."""
        self._absent.append(module)

    def is_unchanged(self) -> bool:
        """True if nothing of it has changed, as far as one can see without reading it."""
        if self._is_racy or sys.path != self._path:
            return False
        if self._working_directory and _working_directory() != self._working_directory:
            return False
        try:
            # No step of it in Python: nearly all of the time is the system's.
            if list(map(_signature_of, map(os.stat, self._files))) != self._seen:
                return False
        except OSError:
            return False
        return (
            self._directories_look_the_same()
            and not any(map(os.path.exists, self._missing))
            and not any(map(sys.modules.__contains__, self._absent))
        )

    def _directories_look_the_same(self) -> bool:
        if self._settled is not None:
            try:
                if list(map(_signature_of, map(os.stat, self._directories))) == self._settled:
                    return True
            except OSError:
                pass  # one is gone: which one is seen below
        directories = self._directories.values()
        if not all(each.looks_the_same() for each in directories):
            return False
        is_settled = all(each.is_settled for each in directories)
        self._settled = [each.signature for each in directories] if is_settled else None
        return True


class _Directory:
    """What there is in a directory that could be imported."""

    __slots__ = ("_names", "_path", "is_settled", "signature")

    def __init__(self, path: str) -> None:
        self._path = path
        self._look()

    def looks_the_same(self) -> bool:
        """True if nothing of that has come or gone, though other files may have."""
        if self.is_settled and _signature(self._path) == self.signature:
            return True
        names = self._names
        self._look()
        return self._names == names

    def _look(self) -> None:
        began = time.time_ns()
        self.signature = _signature(self._path)
        self._names = _names_in(self._path)
        # What changes it so shortly afterwards may leave no sign.
        self.is_settled = self.signature is not None and self.signature[0] <= began - _RACY


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "gone"


def _signature(path: str) -> Signature:
    try:
        found = os.stat(path or os.curdir)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names_in(directory: str) -> frozenset[str]:
    """What could be imported from there."""
    try:
        names = os.listdir(directory or os.curdir)
    except OSError:
        return frozenset()
    return frozenset(
        name for name in names if name.endswith((".py", ".pyc", ".so")) or name.isidentifier()
    )
