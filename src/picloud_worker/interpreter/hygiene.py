"""What a job left behind that cannot be put back, so that no other job must run here."""

import _thread
import os
import sys
import threading
import time
from operator import is_
from typing import Any

LEFTOVER_PATIENCE = 0.01
"""Seconds that a thread or process has to end which was told to, or is about to, as a job ends."""

_NAMED = 5
"""Modules that are named, of those that are missing."""


def leftovers() -> str:
    """Threads and processes that a job left running, in words; empty if there are none."""
    if not _thread._count() and not has_children():
        return ""
    deadline = time.monotonic() + LEFTOVER_PATIENCE
    while (_thread._count() or has_children()) and time.monotonic() < deadline:
        time.sleep(LEFTOVER_PATIENCE / 20)
    found = []
    if _thread._count():
        names = [each.name for each in threading.enumerate()[1:]] or ["started without a name"]
        found.append(f"threads: {', '.join(names)}")
    if has_children():
        found.append("child processes")
    return "; ".join(found)


def has_children() -> bool:
    """Reap the children that have ended; True if one still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue
    except ChildProcessError:
        return False
    return True


class ModuleWatch:
    """The modules that an interpreter starts with: without them it is a broken Python.

    Modules that jobs import are theirs to remove, as they do to load them afresh. Those of the
    user that are not from the interpreter's tree may change while it lives, so it must end.

    Args:
        tree: where the interpreter's own modules are; empty if it has none.
    """

    def __init__(self, tree: str) -> None:
        self._tree = os.path.join(tree, "") if tree else ""
        self._modules = sys.modules
        self._ours = {name: it for name, it in sys.modules.items() if name != "__main__"}
        self._see()

    @property
    def least(self) -> int:
        """Fewer modules than these are not all there, at a glance."""
        return len(self._ours)

    def missing(self) -> str:
        """Modules that a job has removed or replaced, in words; empty if there are none."""
        if sys.modules is not self._modules:
            return "another sys.modules"
        if self._are_as_seen():
            return ""
        gone = [name for name, it in self._ours.items() if self._modules.get(name) is not it]
        new = [it for name, it in self._modules.items() if name not in self._seen]
        self._see()
        if not gone:
            return self._changeable(new)
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        return f"sys.modules without {', '.join(gone[:_NAMED])}{more}"

    def _see(self) -> None:
        self._seen = dict(self._modules)
        self._values = [*self._seen.values()]
        self._last = next(reversed(self._seen), "")

    def _are_as_seen(self) -> bool:
        """A quick look: the same modules in the same order, so only the last could be renamed."""
        modules = self._modules
        return (
            len(modules) == len(self._values)
            and all(map(is_, modules.values(), self._values))
            and next(reversed(modules)) is self._last
        )

    def _changeable(self, modules: list[Any]) -> str:
        from picloud.code.modules.compiled import InPlaceLoader
        from picloud.code.modules.own_modules import ALWAYS_THERE, is_installed

        for module in modules:
            spec: Any = getattr(module, "__spec__", None)  # or whatever a job has put there
            origin = spec.origin if getattr(spec, "has_location", False) else None
            if (
                isinstance(origin, str)
                and not (self._tree and origin.startswith(self._tree))
                and not is_installed(origin)
                and spec.name.partition(".")[0] not in ALWAYS_THERE
                and not isinstance(spec.loader, InPlaceLoader)  # the tree is of one build
            ):
                return f"a module that may change: {spec.name} from {origin}"
        return ""
