"""Finds the own modules that something needs, by following import statements, and sees changes.

A scan is remembered with all that it looked at: files, and directories where something might
appear. As long as these look the same, the tree is the same, and looking is all that a call
costs. What has changed is read again; the rest is known.
"""

import importlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from enum import Enum

from picloud.code.by_name import by_value_modules
from picloud.code.imports import (
    GUESSED,
    OPTIONAL,
    Import,
    bare,
    finds_modules,
    modules_meant,
    reads_data,
)
from picloud.code.modules import compiled, own_modules
from picloud.code.modules.file_watch import FileWatch
from picloud.code.modules.findings import Findings
from picloud.code.modules.module_files import content_of
from picloud.code.modules.modules_below import modules_below
from picloud.code.modules.own_modules import OwnModule
from picloud.code.modules.package_data import MAX_DATA, TooMuchData, data_files
from picloud.code.modules.scan import NOTHING, Scan
from picloud.code.modules.source_imports import Reading
from picloud.code.unshippable import Unshippable
from picloud.protocol.trees import EMPTY, Tree, TreeFile, digest_of, tree_of

TREES_REMEMBERED = 256
READINGS_REMEMBERED = 20_000

_MOST_READ = 1 << 20
"""Bytes of a module that a search has found: what larger ones import is not looked for."""

_UNREAD = Reading([], computes_names=False, reads_data=False)

_PACKAGE = ".package"
"""A file of a tree that makes a package of the directory that it lies in."""

_Readings = dict[bytes, Reading]
"""What was read in a content, by its digest."""


class Scanner:
    """Makes trees of what functions need; one serves a whole session, from any thread.

    Args:
        finds_extensions: own modules that are compiled for this machine need not travel, since
            jobs find them where they lie.
    """

    def __init__(self, *, finds_extensions: bool = False) -> None:
        self._finds_extensions = finds_extensions
        self._lock = threading.Lock()
        self._scans: dict[tuple[frozenset[str], tuple[str, ...] | None], Scan] = {}
        self._readings: _Readings = {}

    def tree(self, roots: frozenset[str], only: tuple[str, ...] | None = None) -> Tree:
        """What these modules need, themselves included, as it is on disk now.

        Args:
            roots: names of modules; of what can be done without if they end in `imports.OPTIONAL`.
            only: nothing but these, and what is below them, may travel; None for no limit.

        Raises:
            Unshippable: one of them cannot travel.
            ValueError: there is no module of a name in `only`.
        """
        return self.scan(roots, only).tree if roots or only else EMPTY

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None = None) -> Scan:
        """The same, with the reasons."""
        if not roots and not only:
            return NOTHING
        key = roots, only
        with self._lock:
            known = self._scans.get(key)
            if known is not None and known.watch.is_unchanged():
                return known
            importlib.invalidate_caches()
            if len(self._readings) > READINGS_REMEMBERED:
                self._readings.clear()
            scan = _Walk(self._readings, only, finds_extensions=self._finds_extensions).run(roots)
            self._scans.pop(key, None)
            while len(self._scans) >= TREES_REMEMBERED:
                del self._scans[next(iter(self._scans))]
            self._scans[key] = scan
            return scan


class _Phase(Enum):
    """Of a walk: why what it reaches travels."""

    NEEDED = "somebody imports it"
    SEARCHED = "somebody may look for it, and for all that is like it"


class _Walk:
    """One walk along import statements."""

    def __init__(
        self, readings: _Readings, only: tuple[str, ...] | None, *, finds_extensions: bool
    ) -> None:
        self._readings = readings
        self._only = only
        self._finds_extensions = finds_extensions
        self._finder = own_modules.Finder()
        self._watch = FileWatch()
        self._findings = Findings()
        self._files: dict[str, TreeFile] = {}
        self._reasons: dict[str, str] = {}
        self._line: list[str] = []
        self._spare_data = 0  # bytes of files that only a search has found
        self._with_data: set[str] = set()  # packages whose files are there
        self._searched: list[str] = []  # packages in which somebody may look for modules
        self._guessed: list[tuple[str, str]] = []  # what may be names of packages, and who has them
        self._searches_roots = False  # so it may be in what the call passes on
        self._phase = _Phase.NEEDED
        self._empty: dict[str, str] = {}  # what would make packages of directories, and why

    def run(self, roots: frozenset[str]) -> Scan:
        """Walk, and return what was found.

        Raises:
            Unshippable: something cannot travel.
            ValueError: there is no module of a name that was asked for.
        """
        for name in self._only or ():
            self._check_name(name)
        for root in sorted(roots):
            if root.endswith(GUESSED):
                self._guessed.append((bare(root), ""))
                continue
            for name in _with_parents([bare(root)]):
                self._reach(name, "", is_optional=root.endswith(OPTIONAL))
        if any(map(reads_data, roots)):
            self._take_data_of_others(roots)
        self._searches_roots |= any(map(finds_modules, roots))
        self._go_on()
        if self._searches_roots:
            self._searched += [bare(root) for root in roots]
        self._phase = _Phase.SEARCHED
        self._search()
        self._findings.check(finds_extensions=self._finds_extensions)
        if self._finds_extensions:
            self._point_at(self._findings.extensions)
        self._keep_empty()
        return Scan(tree_of(list(self._files.values())), self._reasons, self._watch)

    def _go_on(self) -> None:
        while self._line:
            name = self._line.pop()
            module = self._finder.find(name)
            self._watch.add("", self._finder.places_for(name))
            if module is not None:
                self._take(module)
            elif not self._finder.is_there(name):
                if "." not in name:  # what is below it is its own affair
                    self._watch.add_absent(name)
            elif self._finder.is_in_memory_only(name) and name not in by_value_modules():
                self._findings.note_in_memory(name)

    def _take_guessed(self) -> None:
        while self._guessed:
            name, above = self._guessed.pop()
            if self._finder.find(name) is not None:
                for each in _with_parents([name]):
                    self._reach(each, above, is_optional=True)
                self._take_data_of_others([name])
                self._go_on()

    def _search(self) -> None:
        """Take all modules of the packages in which somebody may look for some.

        Which of them are imported is not known before the code runs, so none of them keeps a call
        from being made, nor does what they need.
        """
        searched: set[str] = set()
        while self._searched or self._guessed:
            self._take_guessed()
            package = self._searched.pop() if self._searched else ""
            if package and package not in searched:
                searched.add(package)
                for module in modules_below(self._finder, self._watch, package):
                    if module != package:  # which is there, and which led here
                        self._reach(module, package, is_optional=True)
                self._go_on()

    def _check_name(self, name: str) -> None:
        module = self._finder.find(name)
        if module is not None:
            self._watch.add(module.file, module.locations or ())
        elif not self._finder.is_there(name):
            near = "".join(f"; did you mean {each!r}?" for each in self._finder.near(name))
            raise ValueError(f"transfer_modules: there is no module {name!r} here{near}")

    def _reach(self, name: str, above: str, *, is_optional: bool) -> None:
        if self._only is not None and not any(_belong(name, each) for each in self._only):
            return
        is_optional = is_optional or self._phase is _Phase.SEARCHED
        if self._findings.reach(name, above, is_optional=is_optional):
            self._line.append(name)

    def _take(self, module: OwnModule) -> None:
        self._watch.add(module.file, [*(module.locations or ()), *_rivals(module)])
        if module.is_extension:
            self._findings.extensions.append(module)
        elif module.path:
            try:
                content, read = content_of(module)
            except Unshippable as error:
                if self._phase is _Phase.SEARCHED:
                    return
                raise self._findings.refusal(module.name, str(error)) from error
            file = TreeFile(module.path, digest_of(content), content)
            reading = self._readings.get(file.digest)
            if reading is None and (self._phase is _Phase.NEEDED or len(content) <= _MOST_READ):
                reading = self._readings[file.digest] = read(content)
            reading = reading or _UNREAD
            self._files[module.path] = file
            self._reasons[module.path] = self._reason(module, reading)
            is_needed = self._phase is _Phase.NEEDED
            self._findings.makes_modules |= reading.makes_modules and is_needed
            if reading.flaw and self._finder.is_plain(module.name):
                self._findings.note_flaw(module, reading.flaw)
            self._follow(module, reading)
        else:
            path = f"{module.name.replace('.', '/')}/{_PACKAGE}"
            self._empty[path] = self._findings.reason(module.name)

    def _keep_empty(self) -> None:
        """Have packages in jobs of which nothing travels: directories without `__init__.py`."""
        for path, reason in self._empty.items():
            above = path.removesuffix(_PACKAGE)
            if not any(each.startswith(above) for each in self._files):
                self._files[path] = TreeFile(path, digest_of(b""), b"")
                self._reasons[path] = reason

    def _reason(self, module: OwnModule, reading: Reading) -> str:
        reason = self._findings.reason(module.name)
        if reading.reads_data and not module.package:
            return f"{reason}; it is in no package, so files beside it stay"
        return reason

    def _follow(self, module: OwnModule, reading: Reading) -> None:
        for one in reading.imports:
            if one.is_guessed:
                guesses = modules_meant(one, module.package)
                self._guessed += [(each, module.name) for each in guesses]
                continue
            for each in self._meant(one, module.package):
                self._reach(each, module.name, is_optional=one.is_optional)
            if one.is_certain:
                for each in _with_parents(modules_meant(one, module.package)[:1]):
                    self._findings.always_imports(module.name, each)
        if reading.computes_names:
            self._searched.append(self._topmost(module.name))
        if reading.reads_data and module.package:
            with nullcontext() if self._phase is _Phase.NEEDED else suppress(TooMuchData):
                self._take_data(module.package)
        if reading.reads_others:
            meant = [modules_meant(one, module.package) for one in reading.imports]
            self._take_data_of_others(name for names in meant for name in names)
            if reading.lists:
                self._searched += [name for names in meant for name in names]
                self._searches_roots = True  # heeded as long as what is needed is walked

    def _meant(self, one: Import, package: str) -> Iterator[str]:
        names = modules_meant(one, package)
        if "*" in one.names and names:
            target = self._finder.find(names[0])
            inside = own_modules.submodules(target.locations or ()) if target is not None else []
            names += [f"{names[0]}.{each}" for each in inside]
        yield from _with_parents(names)

    def _take_data_of_others(self, names: Iterable[str]) -> None:
        """Files of packages whose importer looks for some, maybe for these."""
        for name in names:
            module = self._finder.find(bare(name))
            if module is not None and module.package:
                with suppress(TooMuchData):
                    self._take_data(module.package)

    def _take_data(self, package: str) -> None:
        """Files of a package, since one of its modules looks for some.

        That may be those of a package above it. Where these are too many, its own have to do.
        """
        whole = self._topmost(package)
        try:
            self._take_files(whole)
        except TooMuchData:
            if whole == package:
                raise
            self._take_files(package)

    def _topmost(self, package: str) -> str:
        """The package with a file of its own that a package belongs to: what is above is a place
        for the packages of many."""
        for each in _with_parents([package]):
            found = self._finder.find(each)
            if found is not None and found.path:
                return each
        return package

    def _take_files(self, name: str) -> None:
        package = self._finder.find(name)
        if package is None or self._only is not None or name in self._with_data:
            return
        found = list(data_files(package, self._watch))
        if self._phase is _Phase.SEARCHED:
            size = sum(len(content) for _, content in found)
            if self._spare_data + size > MAX_DATA:
                return
            self._spare_data += size
        for below, content in found:
            path = f"{name.replace('.', '/')}/{below}"
            self._files.setdefault(path, TreeFile(path, digest_of(content), content))
            self._reasons.setdefault(path, f"a file of {name}, which reads some")
        self._with_data.add(name)

    def _point_at(self, extensions: list[OwnModule]) -> None:
        """Let jobs on this machine load them where they lie."""
        if not extensions:
            return
        files = {module.name: module.file for module in extensions}
        index = compiled.index_of(files)
        self._files[compiled.INDEX] = TreeFile(compiled.INDEX, digest_of(index), index)
        self._reasons[compiled.INDEX] = f"says where compiled modules lie: {', '.join(files)}"
        for path in compiled.paths_of(files):
            self._files[path] = TreeFile(path, digest_of(b""), b"")
            self._reasons[path] = "a package of compiled modules"


def _rivals(module: OwnModule) -> list[str]:
    """A directory that is imported instead of the file beside it as soon as it is a package."""
    rival = os.path.splitext(module.file)[0]
    return [rival] if module.locations is None and os.path.isdir(rival) else []


def _belong(name: str, allowed: str) -> bool:
    """A module that is listed, one below it, or a package above it."""
    return name == allowed or name.startswith(f"{allowed}.") or allowed.startswith(f"{name}.")


def _with_parents(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            yield ".".join(parts[:count])
