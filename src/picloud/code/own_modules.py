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
from typing import Any

from picloud.statemachine import value

ALWAYS_THERE = frozenset({"picloud", "picloud_worker", "picloud_master", "__main__", "__mp_main__"})
"""What every interpreter has, and what none can import."""

_INSTALL_DIRECTORIES = ("site-packages", "dist-packages")


@value
class OwnModule:
    """A module that has to travel.

    Attributes:
        path: its place below the root of a tree; empty for a namespace package, which has no file.
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
        """Where a module might appear that cannot be found now; nowhere if it can be."""
        if "." in name or name in ALWAYS_THERE or name in sys.builtin_module_names:
            return []  # a package is looked at with the module that imports from it
        if self._spec_of(name) is not None:
            return []
        return [each or os.curdir for each in sys.path if not is_installed(each or os.curdir)]

    def _spec_of(self, name: str) -> machinery.ModuleSpec | None:
        if name not in self._specs:
            self._specs[name] = self._look_for(name)
        return self._specs[name]

    def _look_for(self, name: str) -> machinery.ModuleSpec | None:
        """How Python would import it, or has done so; its parents are not imported."""
        loaded = getattr(sys.modules.get(name), "__spec__", None)
        if isinstance(loaded, machinery.ModuleSpec):
            return loaded
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
            except Exception:  # noqa: BLE001 - a finder of a stranger; the others may know
                continue
            if isinstance(spec, machinery.ModuleSpec):
                return spec
        return None


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
            continue
        for entry in entries:
            stem, dot, suffix = entry.name.partition(".")
            is_module = f".{suffix}" in machinery.all_suffixes() and stem != "__init__"
            if stem.isidentifier() and (is_module if dot else entry.is_dir()):
                found.add(stem)
    return sorted(found)
