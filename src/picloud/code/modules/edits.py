"""Which of the own modules that this program has loaded were edited since then.

Python does not say when it loaded a module, but the program began before that. So what has been
written since then counts as edited when it is first looked at: at worst it travels by its name
though it need not. From then on the content decides, and that of all that the module imports.
"""

import os
import sys
import time
import types
from collections.abc import Callable, Mapping
from functools import cache

from picloud.code.by_name import NAMELESS, Home, is_module_importable
from picloud.code.modules.file_watch import FileWatch
from picloud.code.modules.scan import Scan
from picloud.code.program import Program
from picloud.code.unshippable import Unshippable


class Edits:
    """Sees edits of own modules; one serves a whole session, from any thread.

    Args:
        scan: finds what modules need of the user's own ones, as far as it may travel.
        since: when the program began, in nanoseconds.

    Attributes:
        program: what the program takes from modules.
    """

    def __init__(self, scan: Callable[[frozenset[str]], Scan], since: int) -> None:
        self.program = Program()
        self._scan = scan
        self._since = since
        self._seen: dict[str, bytes] = {}  # digests of trees, as they were when first looked at
        self._edited: set[str] = set()
        self._staying: set[str] = set()  # modules that cannot travel, or must not
        self._count = 0  # how many modules were loaded, and the spec of the last one of them
        self._last: object = None
        self._modules: dict[str, types.ModuleType] = {}
        self._homes: dict[int, list[Home]] | None = None

    def is_edited(self, module: str) -> bool:
        """True if this module, or one that it imports, was edited since it was loaded.

        Once that is so it stays so: another edit may follow.
        """
        if module in self._edited or module in self._staying:
            return module in self._edited
        try:
            scan = self._scan(frozenset({module}))
        except Unshippable:  # if that is for an edit, it is to be said when the call is made
            is_edited = module in self._seen or self._is_young(module)
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
            if not scan.watch.has_changed_since(self._since):
                return False
        self._edited.add(module)
        return True

    def reach(self, module: str) -> int:
        """How many files it needs, its own included; without end if that cannot be known."""
        try:
            return len(self._scan(frozenset({module})).tree.files) or sys.maxsize
        except Unshippable:
            return sys.maxsize

    def _is_young(self, module: str) -> bool:
        """True if the file of a module was changed since the program began."""
        watch = FileWatch()
        watch.add(_file_of(module))
        return watch.has_changed_since(self._since)

    def has_modules(self) -> bool:
        """True if own modules are loaded."""
        self._look_at_modules()
        return bool(self._modules)

    def homes(self) -> Mapping[int, list[Home]]:
        """Where own modules have what other modules may not know by a name, by its id.

        As they were loaded: what the program gives them later no other process would find there.
        """
        self._look_at_modules()
        if self._homes is None:
            self._homes = _homes_in(self._modules)
        return self._homes

    def _look_at_modules(self) -> None:
        # Python puts a module at the end when it has loaded it, also anew; then its spec is new.
        count, last = len(sys.modules), _last_spec()
        if count != self._count or last is not self._last or last is None:
            self._modules = {
                name: each for name, each in list(sys.modules.items()) if _is_own(name)
            }
            self._homes = None
            self._count, self._last = count, last


def _last_spec() -> object | None:
    """Of the module that was loaded last; None while one is being loaded."""
    try:
        module = sys.modules.get(next(reversed(sys.modules)))
    except RuntimeError:  # in another thread
        return None
    spec = getattr(module, "__dict__", {}).get("__spec__") or module
    return None if getattr(spec, "_initializing", False) else spec


def _homes_in(modules: Mapping[str, types.ModuleType]) -> dict[int, list[Home]]:
    found: dict[int, list[Home]] = {}
    for module, space in modules.items():
        for name, item in list(vars(space).items()):
            if issubclass(type(item), NAMELESS):
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


@cache
def began() -> int:
    """When this process began, in nanoseconds, as clocks of file systems count; not too early."""
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        seconds = (ticks + 1) / os.sysconf("SC_CLK_TCK")
        start = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    except (OSError, AttributeError):
        return _IMPORTED
    return min(int(start * 1e9), _IMPORTED)  # later than that if it is a fork


_IMPORTED = time.time_ns()
