"""Finds the own modules that something needs, by following import statements, and sees changes.

A scan is remembered with all that it looked at: files, and directories where something might
appear. As long as these look the same, the tree is the same, and looking is all that a call
costs. What has changed is read again; the rest is known.
"""

import importlib
import threading
from collections.abc import Iterable, Iterator

from picloud.code import own_modules
from picloud.code.file_watch import FileWatch
from picloud.code.imports import Import, names_of
from picloud.code.module_files import content_of, data_files
from picloud.code.own_modules import OwnModule
from picloud.code.scan import NOTHING, Scan
from picloud.code.source_imports import Reading
from picloud.code.unshippable import Unshippable
from picloud.protocol.trees import EMPTY, Tree, TreeFile, digest_of, tree_of

TREES_REMEMBERED = 256
READINGS_REMEMBERED = 20_000

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
            only: nothing but these, and what is below them, may travel; None for no limit.

        Raises:
            Unshippable: one of them cannot travel.
        """
        return self.scan(roots, only).tree if roots else EMPTY

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None = None) -> Scan:
        """The same, with the reasons."""
        if not roots:
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
        self._files: dict[str, TreeFile] = {}
        self._reasons: dict[str, str] = {}
        self._extensions: list[OwnModule] = []
        self._reached_from: dict[str, str] = {}
        self._optional: set[str] = set()
        self._line: list[str] = []
        self._whole: set[str] = set()  # packages of which everything is needed

    def run(self, roots: frozenset[str]) -> Scan:
        """Walk, and return what was found.

        Raises:
            Unshippable: something cannot travel.
        """
        for name in sorted(_with_parents(roots)):
            self._reach(name, "", is_optional=False)
        while self._line:
            name = self._line.pop()
            module = self._finder.find(name)
            if module is None:
                self._watch.add("", self._finder.places_for(name))
            else:
                self._take(module)
        for module in self._extensions:
            self._check_extension(module)
        return Scan(tree_of(list(self._files.values())), self._reasons, self._watch)

    def _reach(self, name: str, above: str, *, is_optional: bool) -> None:
        if name not in self._reached_from:
            if self._only is not None and not any(_belong(name, each) for each in self._only):
                return
            self._reached_from[name] = above
            self._line.append(name)
            if is_optional:
                self._optional.add(name)
        elif not is_optional:
            self._optional.discard(name)

    def _take(self, module: OwnModule) -> None:
        self._watch.add(module.file, module.locations or ())
        if module.is_extension:
            self._extensions.append(module)
        elif module.path:
            content, read = content_of(module)
            file = TreeFile(module.path, digest_of(content), content)
            self._files[module.path] = file
            above = self._reached_from[module.name]
            self._reasons[module.path] = f"imported by {above}" if above else "named by the call"
            reading = self._readings.get(file.digest)
            if reading is None:
                reading = self._readings[file.digest] = read(content)
            self._follow(module, reading)

    def _follow(self, module: OwnModule, reading: Reading) -> None:
        for one in reading.imports:
            for each in self._meant(one, module.package):
                self._reach(each, module.name, is_optional=one.is_optional)
        if reading.computes_names:
            self._take_all_below(module.name.partition(".")[0])
        if reading.reads_data and module.package and self._only is None:
            self._take_data(module.package)

    def _meant(self, one: Import, package: str) -> Iterator[str]:
        names = names_of(one, package)
        if "*" in one.names and names:
            target = self._finder.find(names[0])
            inside = own_modules.submodules(target.locations or ()) if target is not None else []
            names += [f"{names[0]}.{each}" for each in inside]
        yield from _with_parents(names)

    def _take_all_below(self, package: str) -> None:
        """Every module of a package: which of them are imported is not known before it runs."""
        line = [package]
        while line:
            name = line.pop()
            found = None if name in self._whole else self._finder.find(name)
            if found is None or not (found.path or found.is_extension):
                continue
            self._whole.add(name)
            self._reach(name, package, is_optional=True)
            line += [f"{name}.{each}" for each in own_modules.submodules(found.locations or ())]

    def _take_data(self, name: str) -> None:
        """Files beside the modules of a package, since one of these looks for some."""
        package = self._finder.find(name)
        if package is None or not package.locations or f"data of {name}" in self._whole:
            return
        self._whole.add(f"data of {name}")
        for below, file in data_files(package.locations, self._watch):
            path = f"{name.replace('.', '/')}/{below}"
            content = file.read_bytes()
            self._files.setdefault(path, TreeFile(path, digest_of(content), content))
            self._reasons.setdefault(path, f"a file of {name}, which reads some")

    def _check_extension(self, module: OwnModule) -> None:
        if self._finds_extensions or module.name in self._optional:
            return
        way = [module.name]
        while above := self._reached_from.get(way[-1]):
            way.append(above)
        raise Unshippable(
            f"{' <- '.join(way)}: {module.file} is compiled for this machine and cannot travel; "
            "install it where the workers run, or import it within try: ... except ImportError"
        )


def _belong(name: str, allowed: str) -> bool:
    """A module that is listed, one below it, or a package above it."""
    return name == allowed or name.startswith(f"{allowed}.") or allowed.startswith(f"{name}.")


def _with_parents(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            yield ".".join(parts[:count])
