"""Imports of users' modules: from the tree, or read anew, and nothing is left where they lie.

What Python has compiled counts as up to date if the source has the same size and was changed in
the same second. Modules that travel have a place of their own for each content. Others are found
where a Python's own path leads to, as editable installs are, and there an edit must not be missed.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from picloud.code.modules import compiled
from picloud.code.modules.own_modules import is_installed


class FreshLoader(SourceFileLoader):
    """Compiles a module from its source, whatever lies beside it."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the module."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class InPlaceFinder:
    """Finds compiled modules where they were built.

    Args:
        tree: where modules beside them are.
        files: by their names.
    """

    def __init__(self, tree: str, files: Mapping[str, str]) -> None:
        self._tree = tree
        self._files = files

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to import it; None if it is another's."""
        file = self._files.get(name)
        if file is None:
            return None
        loader = compiled.InPlaceLoader(name, file)
        is_package = os.path.basename(file).partition(".")[0] == "__init__"
        inside = [os.path.join(self._tree, *name.split("."))] if is_package else None
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)


_find_fresh = FileFinder.path_hook(
    (ExtensionFileLoader, EXTENSION_SUFFIXES), (FreshLoader, SOURCE_SUFFIXES)
)


def install(tree: str) -> None:
    """Import so from all directories that are neither Python's own nor below the tree."""

    is_installed("")  # looks for Python's directories now: that imports, which the hook would ask

    def hook(path: str) -> Any:
        if is_installed(path) or (tree and path.startswith(tree)):
            raise ImportError("not one of those")
        return _find_fresh(path)

    sys.path_hooks.insert(0, hook)
    for path in list(sys.path_importer_cache):
        if not is_installed(path):
            del sys.path_importer_cache[path]
    files = _compiled_modules(tree) if tree else {}
    if files:
        sys.meta_path.insert(0, InPlaceFinder(tree, files))


def _compiled_modules(tree: str) -> dict[str, str]:
    try:
        with open(os.path.join(tree, compiled.INDEX), "rb") as index:
            return compiled.files_of(index.read())
    except FileNotFoundError:
        return {}
