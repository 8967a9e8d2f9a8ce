"""Modules in archives: where they are by now.

Python keeps the directory of an archive that it has read. `importlib.invalidate_caches()` renews
what entries of `sys.path` keep, but for relative ones; what has loaded a module keeps its own.
"""

import os
from importlib.machinery import ModuleSpec
from zipimport import zipimporter

from picloud.code.modules.file_watch import path_entries


class Archives:
    """Reads the directory of each archive once: for one scan."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        for entry in path_entries():
            if not os.path.isabs(entry) and os.path.isfile(entry):
                self._renew(entry)

    def spec_of(self, name: str, loader: zipimporter) -> ModuleSpec | None:
        """How to import a module from where it was loaded; None if it is there no more."""
        self._renew(loader.archive)
        try:
            fresh = zipimporter(os.path.join(loader.archive, loader.prefix))
        except ImportError:
            return None
        return fresh.find_spec(name)

    def _renew(self, archive: str) -> None:
        if archive in self._read:
            return
        self._read.add(archive)
        try:
            zipimporter(archive).invalidate_caches()  # for all that are made from now on
        except ImportError:
            return  # it is no archive, or gone
