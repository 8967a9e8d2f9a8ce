"""Modules of a user, in a directory that Python imports from."""

import importlib
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from picloud.code.modules.scanner import Scanner
from picloud.protocol.trees import Tree

LONG_AGO = 1_000_000_000.0
"""Seconds: when files were written, as they say."""


class Project:
    """A directory of modules that can be imported, and a scanner that has not seen them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scanner = Scanner()

    def has(self, files: Mapping[str, str]) -> "Project":
        """Write these files."""
        for path, text in files.items():
            self.writes(path, text)
        return self

    def writes(self, path: str, text: str | bytes) -> Path:
        """Write one file, which looks old."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(file, (LONG_AGO, LONG_AGO))
        return file

    def tree(self, *roots: str) -> Tree:
        return self.scanner.tree(frozenset(roots))

    def settled_tree(self, *roots: str) -> Tree:
        """The same, once nothing was changed so lately that it is looked into again."""
        tree = self.tree(*roots)
        while tree is not self.tree(*roots):
            tree = self.tree(*roots)
        return tree

    def loads(self, name: str) -> Any:
        """Import a module, as the program does."""
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def paths(self, *roots: str) -> list[str]:
        """What the tree of these modules holds."""
        return [file.path for file in self.tree(*roots).files]


def make_module(name: str) -> types.ModuleType:
    """Put a module into memory that has no file."""
    module = sys.modules[name] = types.ModuleType(name)
    return module
