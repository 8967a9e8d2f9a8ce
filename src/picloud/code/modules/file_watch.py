"""Whether files and directories are still what they were when something was made of them."""

import os
import sys
import time
from collections.abc import Iterable

from picloud.code.modules.many_files import ManyFiles, State, state_of

_RACY = 50_000_000
"""Nanoseconds. A file that was changed so shortly before it was read may be changed again without
a sign: clocks of file systems are coarse."""


def path_entries() -> list[str]:
    """The entries of `sys.path` that Python looks at: it passes over what is no text."""
    return [entry for entry in sys.path if issubclass(type(entry), str)]


class FileWatch:
    """Files and directories, as they were when something was made of them.

    It notes as well where modules are looked for, and which are not loaded.
    """

    def __init__(self) -> None:
        self._began = time.time_ns()
        self._files: dict[str, State] = {}
        self._missing: set[str] = set()  # files that were not there
        self._is_racy = False
        self._directories: dict[str, _Directory] = {}
        self._all_files: ManyFiles | None = None  # once they are looked at
        self._settled: ManyFiles | None = None  # directories, if their states say all of them
        self._absent: list[str] = []
        self._path = list(sys.path)
        self._working_directory = (
            "" if all(map(os.path.isabs, path_entries())) else _working_directory()
        )

    def add(self, file: str, directories: Iterable[str] = ()) -> None:
        """Look at this file from now on, and at what there is in these directories."""
        if file and file not in self._files and file not in self._missing:
            state = _state_or_none(file)
            if state is None:
                self._missing.add(file)
            else:
                self._files[file] = state
                self._is_racy |= _changed_after(state, self._began - _RACY)
            directories = [*directories, os.path.dirname(file)]
        for directory in directories:
            if directory not in self._directories:
                self._directories[directory] = _Directory(directory)
        self._all_files = self._settled = None

    def add_data(self, directory: str) -> None:
        """Look from now on at all names in this directory, whatever they may be."""
        known = self._directories.get(directory)
        if known is None or not known.has_data:
            self._directories[directory] = _Directory(directory, has_data=True)
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
        if self._all_files is None:
            self._all_files = ManyFiles(self._files)
        if not self._all_files.are_as_seen():
            return False
        return (
            self._directories_look_the_same()
            and not any(map(os.path.exists, self._missing))
            and not any(map(sys.modules.__contains__, self._absent))
        )

    def _directories_look_the_same(self) -> bool:
        if self._settled is not None and self._settled.are_as_seen():
            return True
        if not all(each.looks_the_same() for each in self._directories.values()):
            return False
        states = {path: each.settled for path, each in self._directories.items()}
        known = {path: state for path, state in states.items() if state is not None}
        self._settled = ManyFiles(known) if len(known) == len(states) else None
        return True


class _Directory:
    """What there is in a directory that could be imported, or read.

    Attributes:
        has_data: all names count, not only those that could be imported.
        settled: its state, if a change would show in it; None if it may not, or is not there.
    """

    __slots__ = ("_names", "_path", "has_data", "settled")

    def __init__(self, path: str, *, has_data: bool = False) -> None:
        self._path = path
        self.has_data = has_data
        self._look()

    def looks_the_same(self) -> bool:
        """True if nothing of that has come or gone, though other files may have."""
        if self.settled is not None and _state_or_none(self._path) == self.settled:
            return True
        names = self._names
        self._look()
        return self._names == names

    def _look(self) -> None:
        began = time.time_ns()
        state = _state_or_none(self._path)
        self._names = _names_in(self._path, all_of_them=self.has_data)
        # What changes it so shortly afterwards may leave no sign.
        is_racy = state is None or _changed_after(state, began - _RACY)
        self.settled = None if is_racy else state


def _changed_after(state: State, time: int) -> bool:
    written, _, _, changed = state
    return written > time or changed > time


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "gone"


def _state_or_none(path: str) -> State | None:
    try:
        return state_of(path or os.curdir)
    except OSError:
        return None


def _names_in(directory: str, *, all_of_them: bool) -> frozenset[str]:
    """What could be imported from there, or all that there is."""
    try:
        names = os.listdir(directory or os.curdir)
    except OSError:
        return frozenset()
    if all_of_them:
        return frozenset(name for name in names if not name.startswith("."))  # those never travel
    return frozenset(
        name for name in names if name.endswith((".py", ".pyc", ".so")) or name.isidentifier()
    )
