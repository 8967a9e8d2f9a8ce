"""Whether own modules were edited since functions of theirs were first seen to travel by value.

What travels by its name is what its module says where the job runs. What travels by value is held
by this program, and so is as old as the program's import of the module.
"""

import threading
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

from picloud.code.by_name import found
from picloud.code.renewals import UNCHANGED, Edit, Seen
from picloud.code.unshippable import Unshippable
from picloud.protocol.trees import Tree

if TYPE_CHECKING:
    from picloud.code.modules.scanner import Scanner


class Edits:
    """Of all modules of a program, for every thread.

    A module counts as edited if anything that it imports from the user is, as it may have taken
    that over. Once it is reloaded, it is as new.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scanner: Scanner | None = None
        self._known: dict[str, _Known] = {}
        self._foreign: set[str] = set()

    def look(self, module: str) -> Seen:
        """See how a loaded module, and all that it needs, is on disk now."""
        if module in self._foreign:
            return UNCHANGED
        try:
            tree = self._scan(module)
        except Unshippable:  # whatever is wrong, its functions do not travel by its name
            return UNCHANGED
        path = _path_of(module, tree)
        with self._lock:
            known = self._known.get(module)
            spec = found(module, "__spec__")
            if known is None or known.spec is not spec:
                if path is None:
                    self._foreign.add(module)  # it is installed, or there is no source
                    return UNCHANGED
                known = self._known[module] = _Known(tree, path, spec)
            return known.look(module, tree, path)

    def _scan(self, module: str) -> Tree:
        if self._scanner is None:
            from picloud.code.modules.scanner import Scanner  # few functions travel so

            self._scanner = Scanner(finds_extensions=True)
        return self._scanner.tree(frozenset({module}))


class _Known:
    """A module as it was when it was first seen, and when it was last seen.

    Attributes:
        spec: what the import of a module sets, and each reload sets anew.
    """

    def __init__(self, tree: Tree, path: str, spec: object) -> None:
        self.spec = spec
        self._first = {file.path: file.digest for file in tree.files}
        self._path = path
        self._before = _source_of(path, tree)
        self._is_plain = type(getattr(spec, "loader", None)) is SourceFileLoader
        self._tree = tree
        self._seen = Seen(tree.digest, self._before if self._is_plain else b"")

    def look(self, module: str, tree: Tree, path: str | None) -> Seen:
        """What there is to say of it now."""
        if tree is not self._tree and path is not None:
            self._tree = tree
            is_edited = path != self._path
            for file in tree.files:  # what it needs only now is as it is now
                is_edited |= self._first.setdefault(file.path, file.digest) != file.digest
            source = _source_of(path, tree)
            edit = Edit(module, source, self._before) if is_edited else None
            self._seen = Seen(tree.digest, source if self._is_plain else b"", edit)
        return self._seen


def _path_of(module: str, tree: Tree) -> str | None:
    base = module.replace(".", "/")
    paths = {file.path for file in tree.files}
    return next((each for each in (f"{base}.py", f"{base}/__init__.py") if each in paths), None)


def _source_of(path: str, tree: Tree) -> bytes:
    return next(file.content for file in tree.files if file.path == path)


EDITS = Edits()
"""Those of this program."""
