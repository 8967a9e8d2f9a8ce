"""Which of the own modules that this program has loaded were edited since then.

Python does not say when it loaded a module, but the program began before that. So what has been
written since then counts as edited when it is first looked at: at worst it travels by its name
though it need not. From then on the content decides, and that of all that the module imports.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import cache

from picloud.code.modules.file_watch import FileWatch
from picloud.code.modules.homes import Homes
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
        homes: where modules have what knows no name of its own.
    """

    def __init__(self, scan: Callable[[frozenset[str]], Scan], since: int) -> None:
        self.program = Program()
        self.homes = Homes()
        self._scan = scan
        self._since = since
        self._seen: dict[str, bytes] = {}  # digests of trees, as they were when first looked at
        self._edited: set[str] = set()
        self._staying: set[str] = set()  # modules that cannot travel, or must not

    def is_edited(self, module: str) -> bool:
        """True if this module, or one that it imports, was edited since it was loaded.

        Once that is so it stays so: another edit may follow.
        """
        if module in self._edited or module in self._staying:
            return module in self._edited
        try:
            scan = self._scan(frozenset({module}))
        except Unshippable:  # if that is for an edit, it is to be said when the call is made
            return module in self._seen or self._is_any_young()
        if module in self._seen:
            is_edited = self._seen[module] != scan.tree.digest
        elif _has(scan, module):
            is_edited = scan.watch.has_changed_since(self._since)
        else:
            self._staying.add(module)
            return False
        if is_edited:
            self._edited.add(module)
        self._seen.setdefault(module, scan.tree.digest)  # last, for other threads
        return is_edited

    def reach(self, module: str) -> int:
        """How many files it needs, its own included; without end if that cannot be known."""
        try:
            return len(self._scan(frozenset({module})).tree.files) or sys.maxsize
        except Unshippable:
            return sys.maxsize

    def _is_any_young(self) -> bool:
        """True if the file of an own module was changed since the program began."""
        watch = FileWatch()
        for file in self.homes.files():
            watch.add(file)
        return watch.has_changed_since(self._since)


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
