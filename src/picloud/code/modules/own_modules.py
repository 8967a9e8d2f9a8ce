"""Where a module's code lies, and whether it is the user's own.

Own is what lies neither in the standard library nor where packages are installed. An editable
install points to files elsewhere, so it is own. Nothing is imported to find out: importing runs
code.
"""

import importlib.machinery as machinery
import os
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.util import spec_from_file_location
from pkgutil import get_importer, iter_modules
from typing import Any
from zipimport import zipimporter

from picloud.code.modules.archives import Archives
from picloud.code.modules.file_watch import path_entries
from picloud.statemachine import value

ALWAYS_THERE = frozenset({"picloud", "picloud_worker", "picloud_master", "__main__", "__mp_main__"})
"""What every interpreter has, and what none can import."""

_INSTALL_DIRECTORIES = ("site-packages", "dist-packages")

_OF_COMPILED_CODE = ("_cython_", "cython_runtime")
"""How modules are called that compiled code of others makes in memory wherever it is loaded."""

_FROM_FILES = (
    machinery.SourceFileLoader,
    machinery.SourcelessFileLoader,
    machinery.ExtensionFileLoader,
)


@value
class OwnModule:
    """A module that has to travel.

    Attributes:
        path: its place below the root of a tree; empty for what has no file there.
        file: what to look at to see whether it has changed: its file, or the archive it lies in.
        locations: where its submodules are looked for; none unless it is a package.
        loader: reads it, where `file` is not the source itself.
        is_extension: it is compiled for this machine.
    """

    name: str
    path: str
    file: str
    locations: list[str] | None
    loader: Any = None
    is_extension: bool = False

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.locations is not None else self.name.rpartition(".")[0]


class Finder:
    """Finds modules, each once: for one scan, since what it has found is not looked at again."""

    def __init__(self) -> None:
        self._specs: dict[str, machinery.ModuleSpec | None] = {}
        self._archives = Archives()
        self._path = list(map(_absolute, path_entries()))
        self._own_places = {each for each in self._path if is_own_place(each)}

    def find(self, name: str) -> OwnModule | None:
        """The own module of this name; None if there is no such module, or if it is installed."""
        if name.partition(".")[0] in ALWAYS_THERE or name in sys.builtin_module_names:
            return None
        spec = self._spec_of(name)
        if spec is None:
            return None
        locations = spec.submodule_search_locations
        own_locations = [one for one in locations or () if not is_installed(one)]
        origin = spec.origin if spec.has_location else None
        base = name.replace(".", "/")
        if origin is None:
            return OwnModule(name, "", "", own_locations) if own_locations else None
        archive = getattr(spec.loader, "archive", None)
        file = origin if archive is None else archive
        if is_installed(file):
            return None
        suffix = os.path.splitext(origin)[1]
        is_extension = isinstance(spec.loader, machinery.ExtensionFileLoader)
        stem = f"{base}/__init__" if locations is not None else base
        kept = suffix if suffix == ".pyc" else ".py"
        return OwnModule(
            name,
            "" if is_extension else stem + kept,
            file,
            None if locations is None else list(locations),
            None if archive is None and suffix in (".py", ".pyc") else spec.loader,
            is_extension,
        )

    def places_for(self, name: str) -> list[str]:
        """Where a module might appear that cannot be found now, or would be found earlier."""
        if "." in name or name in ALWAYS_THERE or name in sys.builtin_module_names:
            return []  # a package is looked at with the module that imports from it
        spec = self._spec_of(name)
        if name in sys.modules and spec is not None:
            return []
        found = _place_of(spec) if spec is not None else ""
        if spec is not None and found not in self._path:
            return []
        end = self._path.index(found) if spec is not None else None
        return [each for each in self._path[:end] if each in self._own_places]

    def is_in_memory_only(self, name: str) -> bool:
        """True for a module that this program has made, so that no other process can import it.

        Modules of packages are made by these, and what code makes that was installed is made
        wherever that runs.
        """
        if sys.modules.get(name) is None or name.startswith(_OF_COMPILED_CODE):
            return False
        parts = name.split(".")
        if parts[0] in ALWAYS_THERE or parts[0] in sys.builtin_module_names:
            return False
        if any(self._spec_of(".".join(parts[:count])) for count in range(1, len(parts))):
            return False
        spec = self._spec_of(name)
        if spec is None:
            return True
        if spec.has_location or spec.submodule_search_locations is not None:
            return False
        return spec.loader is None or self._is_own_code(type(spec.loader).__module__)

    def is_plain(self, name: str) -> bool:
        """True for a module whose file is read as Python's own import does it."""
        spec = self._spec_of(name)
        return spec is not None and type(spec.loader) is machinery.SourceFileLoader

    def is_there(self, name: str) -> bool:
        """True for every module that can be found here, or is loaded, whosever it is."""
        return self._spec_of(name) is not None or sys.modules.get(name) is not None

    def near(self, name: str) -> list[str]:
        """Names of modules that are like this one."""
        import difflib  # nearly never needed

        above, _, last = name.rpartition(".")
        package = self._spec_of(above) if above else None
        places = self._path if not above else _locations(package)
        stems = {*submodules(places), *(() if above else sys.modules)}
        close = difflib.get_close_matches(last, stems, 1)
        return [f"{above}.{each}" if above else each for each in close]

    def _is_own_code(self, name: str) -> bool:
        return name in ("__main__", "__mp_main__") or self.find(name) is not None

    def _spec_of(self, name: str) -> machinery.ModuleSpec | None:
        if name not in self._specs:
            self._specs[name] = self._look_for(name)
        return self._specs[name]

    def _look_for(self, name: str) -> machinery.ModuleSpec | None:
        """How Python would import it, or has done so; its parents are not imported.

        A module that is loaded is looked for where it was found: another one may be there by now.
        """
        module = sys.modules.get(name)
        loaded = _attribute(module, "__spec__")
        if not isinstance(loaded, machinery.ModuleSpec):
            return self._search(name) or _spec_by_file(name, module)
        if not loaded.has_location:
            is_namespace = loaded.submodule_search_locations is not None
            return (self._search(name) if is_namespace else None) or loaded
        origin = loaded.origin or ""
        if isinstance(loaded.loader, zipimporter):
            found = self._archives.spec_of(name, loaded.loader)
            return found or self._search(name) or loaded
        if type(loaded.loader) not in _FROM_FILES or is_installed(origin):
            return loaded
        place = _place_of(loaded)
        found = machinery.PathFinder.find_spec(name, [place]) if place else None
        if found is not None and found.has_location:
            return found
        return loaded if os.path.exists(origin) else self._search(name) or loaded

    def _search(self, name: str) -> machinery.ModuleSpec | None:
        path = None
        parent = name.rpartition(".")[0]
        if parent:
            above = self._spec_of(parent)
            path = above.submodule_search_locations if above is not None else None
            if path is None:
                return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            try:
                spec = find_spec(name, path, None) if find_spec is not None else None
            except KeyError:  # it asks among loaded modules for the package above
                spec = _namespace(name, path or ()) if finder is machinery.PathFinder else None
            except Exception:  # noqa: BLE001 - a finder of a stranger; the others may know
                continue
            if isinstance(spec, machinery.ModuleSpec):
                return spec
        return None


def _namespace(name: str, path: Iterable[str]) -> machinery.ModuleSpec | None:
    """A package without a file of its own, in a package that is not loaded."""
    places: list[str] = []
    for entry in path:
        importer: Any = get_importer(entry)
        found = importer.find_spec(name) if importer is not None else None
        if found is not None and found.loader is None:
            places += _locations(found)
    if not places:
        return None
    spec = machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = places
    return spec


def _locations(spec: machinery.ModuleSpec | None) -> list[str]:
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def _attribute(item: Any, name: str) -> Any:
    try:
        return getattr(item, name, None)
    except Exception:  # noqa: BLE001 - what stands for a module may run anything
        return None


def _spec_by_file(name: str, module: Any) -> machinery.ModuleSpec | None:
    """How to import a module that somebody has made by hand from a file."""
    file = _attribute(module, "__file__")
    if isinstance(file, str) and file.endswith(".py") and os.path.exists(file):
        return spec_from_file_location(name, file)
    return None


def _place_of(spec: machinery.ModuleSpec) -> str:
    """The directory that a finder has found a module in; empty if its file has another name."""
    directory, file = os.path.split(spec.origin or "")
    stem = file.partition(".")[0]
    if spec.submodule_search_locations is not None and stem == "__init__":
        directory, stem = os.path.split(directory)
    return directory if stem == spec.name.rpartition(".")[2] else ""


def is_installed(file: str) -> bool:
    """True for what belongs to Python or was installed into it."""
    path = os.path.abspath(file)
    if any(f"{os.sep}{each}{os.sep}" in path + os.sep for each in _INSTALL_DIRECTORIES):
        return True
    return path.startswith(_library_directories())


@cache
def _library_directories() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(os.path.join(os.path.abspath(each), "") for each in found)


def submodules(locations: Iterable[str]) -> list[str]:
    """The names of what lies directly in a package's directories and could be imported."""
    found: set[str] = set()
    for location in locations:
        try:
            entries = list(os.scandir(location))
        except OSError:
            found.update(each.name for each in iter_modules([location]))  # of an archive
            continue
        for entry in entries:
            stem, dot, suffix = entry.name.partition(".")
            is_module = f".{suffix}" in machinery.all_suffixes() and stem not in ("", "__init__")
            if is_module if dot else stem.isidentifier() and _is_directory(entry):
                found.add(stem)
    return sorted(found)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def is_own_place(directory: str) -> bool:
    """True for an entry of `sys.path` where modules lie that travel."""
    place = _absolute(directory)
    return os.path.exists(place) and not is_installed(os.path.join(place, "m"))


def _absolute(directory: str) -> str:
    try:
        return os.path.abspath(directory or os.curdir)
    except FileNotFoundError:  # the working directory is gone
        return ""
