"""Which of the own modules that this program has loaded were edited since then.

Python does not say when it loaded a module, but the program began before that. So what has been
written since then counts as edited when it is first looked at: at worst it travels by its name
though it need not. From then on the content decides, and that of all that the module imports.
"""

import operator
import os
import sys
import time
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from picloud.code.by_name import NAMELESS, Home, is_module_importable
from picloud.code.modules.scan import Scan
from picloud.code.program import Program
from picloud.code.unshippable import Unshippable


class Edits:
    """Sees edits of own modules; one serves a whole session, from any thread.

    Args:
        scan: finds what modules need of the user's own ones, as far as it may travel.

    Attributes:
        program: what the program takes from modules.
    """

    def __init__(self, scan: Callable[[frozenset[str]], Scan]) -> None:
        self.program = Program()
        self._scan = scan
        self._seen: dict[str, bytes] = {}  # digests of trees, as they were when first looked at
        self._edited: set[str] = set()
        self._staying: set[str] = set()  # modules that cannot travel, or must not
        self._last_loaded: tuple[int, str] = 0, ""
        self._names: list[str] = []
        self._specs: list[Any] = []
        self._homes: dict[int, list[Home]] = {}

    def is_edited(self, module: str) -> bool:
        """True if this module, or one that it imports, was edited since it was loaded.

        Once that is so it stays so: another edit may follow.
        """
        if module in self._edited or module in self._staying:
            return module in self._edited
        try:
            scan = self._scan(frozenset({module}))
        except Unshippable:  # if that is for an edit, it is to be said when the call is made
            is_edited = module in self._seen or _is_young(module)
            (self._edited if is_edited else self._staying).add(module)
            return is_edited
        digest = scan.tree.digest
        if self._seen.get(module) == digest:
            return False
        if module not in self._seen:
            self._seen[module] = digest
            if not _has(scan, module):
                self._staying.add(module)
                return False
            if not scan.watch.has_changed_since(began()):
                return False
        self._edited.add(module)
        return True

    def reach(self, module: str) -> int:
        """How many files it needs, its own included; none if that cannot be known."""
        try:
            return len(self._scan(frozenset({module})).tree.files)
        except Unshippable:
            return 0

    def names(self) -> list[str]:
        """The own modules that are loaded."""
        last = len(sys.modules), next(reversed(sys.modules))
        if last != self._last_loaded:
            self._names = [name for name in list(sys.modules) if _is_own(name)]
            self._last_loaded = last
        return self._names

    def homes(self) -> Mapping[int, list[Home]]:
        """Where own modules have what other modules may not know by a name, by its id.

        As they were loaded: what the program gives them later no other process would find there.
        """
        spaces = {name: vars(sys.modules[name]) for name in self.names() if name in sys.modules}
        specs = [space.get("__spec__") for space in spaces.values()]
        known = self._specs
        if len(specs) != len(known) or not all(map(operator.is_, specs, known)):
            self._homes = _homes_in(spaces)
            is_loading = any(getattr(spec, "_initializing", False) for spec in specs)
            self._specs = [] if is_loading else specs
        return self._homes


def _homes_in(spaces: Mapping[str, dict[str, Any]]) -> dict[int, list[Home]]:
    found: dict[int, list[Home]] = {}
    for module, space in spaces.items():
        for name, item in list(space.items()):
            if isinstance(item, NAMELESS):
                found.setdefault(id(item), []).append((module, name))
    return found


def _is_own(name: str) -> bool:
    from picloud.code.modules.own_modules import ALWAYS_THERE  # takes a few ms to load

    if name.partition(".")[0] in ALWAYS_THERE or not is_module_importable(name):
        return False
    file = _file_of(name)
    return bool(file) and not _is_installed(file)


@cache
def _is_installed(file: str) -> bool:
    from picloud.code.modules.own_modules import is_installed

    return is_installed(file)


def _file_of(name: str) -> str:
    module = sys.modules.get(name)
    file = vars(module).get("__file__") if isinstance(module, types.ModuleType) else None
    return file if isinstance(file, str) else ""


def _has(scan: Scan, module: str) -> bool:
    stem = module.replace(".", "/")
    return any(stem + end in scan.reasons for end in (".py", ".pyc", "/__init__.py"))


def _is_young(module: str) -> bool:
    """True if the file of a module was changed since the program began."""
    try:
        state = os.stat(_file_of(module))
    except OSError:
        return False
    return max(state.st_mtime_ns, state.st_ctime_ns) > began()


@cache
def began() -> int:
    """When this process began, in nanoseconds, as clocks of file systems count; not too early."""
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        seconds = (ticks + 1) / os.sysconf("SC_CLK_TCK")
        return int((time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + seconds) * 1e9)
    except (OSError, AttributeError):
        return _IMPORTED


_IMPORTED = time.time_ns()
