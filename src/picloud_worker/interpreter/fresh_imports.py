"""Imports from where the user works: read anew each time, and nothing is left there.

What Python has compiled counts as up to date if the source has the same size and was changed in
the same second. Modules that travel have a place of their own for each content. Others are found
where the program lies, as on any path, and there an edit must not be missed.
"""

import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from types import CodeType
from typing import Any

from picloud.code.own_modules import is_installed


class FreshLoader(SourceFileLoader):
    """Compiles a module from its source, whatever lies beside it."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the module."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


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
