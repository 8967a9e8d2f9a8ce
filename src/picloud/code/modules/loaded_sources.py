"""The sources of the modules that this program has loaded, as they were first seen and are now.

A function that travels by its name is what its module says where it runs. One that travels by value
is as old as the program's import of the module; `renewals` makes it anew after an edit.

Only files that Python itself has read count, and nothing is imported or run to look at them. Data
files of packages do not count: programs write them.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

from picloud.code.by_name import is_own_name
from picloud.code.imports import modules_meant
from picloud.code.modules.many_files import RACY, ManyFiles, State, changed_after, state_of
from picloud.code.renewals import Edit


class LoadedSources:
    """The sources of the modules of a program, for every thread.

    A module that is reloaded is as new.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, _Loaded] = {}
        self._others: set[str] = set()
        self._count = 0  # of modules that were there when new ones were looked for
        self._files = ManyFiles({})
        self._is_settled = True
        self._edited: set[str] = set()
        self._reaches: dict[str, bool] = {}
        self._version = 0

    def look(self) -> int:
        """See how all files are now; return a number that every change makes another one."""
        with self._lock:
            if len(sys.modules) != self._count:
                self._count = len(sys.modules)
                self._add_new()
            are_new = self._take_reloaded()
            if not self._is_settled or not self._files.are_as_seen():
                are_new |= self._read_changed()
            if are_new:
                self._version += 1
                self._edited = {name for name, each in self._loaded.items() if each.is_edited}
                self._reaches.clear()
            return self._version

    def edit_of(self, module: str) -> Edit | None:
        """How a module was edited, or one that it imports, as of the last look."""
        with self._lock:
            loaded = self._loaded.get(module)
            if loaded is None or not self._edited or not self._reaches_edited(module):
                return None
            return Edit(module, loaded.first, loaded.now)

    def _add_new(self) -> None:
        for name, module in list(sys.modules.items()):
            if name in self._loaded or name in self._others:
                continue
            spec = _spec_of(module)
            loaded = _Loaded(spec) if spec is not None and _is_own(name, spec) else None
            if loaded is not None and loaded.read():
                loaded.first = loaded.now
                self._loaded[name] = loaded
            else:
                self._others.add(name)
        self._watch()

    def _take_reloaded(self) -> bool:
        """True if there were some that had been edited."""
        are_new = False
        for name, loaded in self._loaded.items():
            spec = _spec_of(sys.modules.get(name))
            if spec is not None and spec is not loaded.spec:
                loaded.spec = spec
                loaded.read()
                are_new |= loaded.is_edited
                loaded.first = loaded.now
        return are_new

    def _read_changed(self) -> bool:
        changed = [each for each in self._loaded.values() if each.has_changed()]
        are_new = [each.read() for each in changed]
        self._watch()
        return any(are_new)

    def _watch(self) -> None:
        states = {one.file: one.state for one in self._loaded.values() if one.state is not None}
        self._files = ManyFiles(states)
        self._is_settled = all(each.is_settled for each in self._loaded.values())

    def _reaches_edited(self, module: str) -> bool:
        known = self._reaches.get(module)
        if known is None:
            known = self._reaches[module] = not self._edited.isdisjoint(self._needed_by(module))
        return known

    def _needed_by(self, module: str) -> set[str]:
        """The loaded modules of the user that it imports, with those that these import."""
        line, found = [module], {module}
        for name in line:  # it grows while it is walked
            for each in self._loaded[name].imports:
                if each in self._loaded and each not in found:
                    found.add(each)
                    line.append(each)
        return found


class _Loaded:
    """A module that is loaded.

    Attributes:
        spec: what its import has set; each reload sets another one.
        first: its source as it was when it was first seen, or reloaded.
        now: its source as it was last seen.
        state: of its file; None if there is none.
    """

    def __init__(self, spec: ModuleSpec) -> None:
        self.spec = spec
        self.file: str = spec.origin or ""
        self.first = self.now = b""
        self.state: State | None = None
        self.is_settled = True

    @property
    def is_edited(self) -> bool:
        """Whether its source is another one."""
        return self.now != self.first

    def has_changed(self) -> bool:
        """Whether its file looks other than it did, or may have changed without a sign."""
        try:
            return not self.is_settled or state_of(self.file) != self.state
        except OSError:
            return True

    def read(self) -> bool:
        """Read its source; True if it is another one. What is gone stays as it was."""
        began, before = time.time_ns(), self.now
        try:
            self.state = state_of(self.file)
            with open(self.file, "rb") as file:
                self.now = file.read()
        except OSError:
            self.state, self.is_settled = None, False  # it may come back
            return False
        self.is_settled = not changed_after(self.state, began - RACY)
        self.__dict__.pop("imports", None)
        return self.now != before

    @cached_property
    def imports(self) -> frozenset[str]:
        """The names of modules that its source imports, with the packages that they are in."""
        from picloud.code.modules.source_imports import read_source  # only after an edit

        package = self.spec.parent or ""
        return frozenset(
            each
            for one in read_source(self.now).imports
            for name in modules_meant(one, package)
            for each in _with_parents(name)
        )


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _spec_of(module: Any) -> ModuleSpec | None:
    """How a module was found; a lazy one stays as it is."""
    if not issubclass(type(module), ModuleType):
        return None
    spec = object.__getattribute__(module, "__dict__").get("__spec__")
    return spec if type(spec) is ModuleSpec else None


def _is_own(name: str, spec: ModuleSpec) -> bool:
    from picloud.code.modules.own_modules import is_installed  # few programs come here

    if type(spec.loader) is not SourceFileLoader or type(spec.origin) is not str:
        return False
    return is_own_name(name) and os.path.isabs(spec.origin) and not is_installed(spec.origin)


SOURCES = LoadedSources()
"""Those of this program."""
