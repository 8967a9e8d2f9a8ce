"""What a pickle meets that the program holds of its own modules, and how it travels.

Functions and classes that a module knows by their own names travel so, and workers take them from
the file as it is. A lambda, a closure and a number do not know where they come from: they travel as
they are. But once somebody has edited the module that has them, what the program holds is no longer
what the module says; then they travel by the names that they have there.
"""

import sys
import types
from typing import TYPE_CHECKING, Any

from picloud.code.by_name import Home, taken_from

if TYPE_CHECKING:
    from picloud.code.modules.edits import Edits

CONSTANTS = frozenset({int, float, complex, bool, str, bytes, type(None)})
"""Types of what nobody can change, so that a name of it is as good as itself."""


class Held:
    """What one pickle meets.

    Attributes:
        modules: those that have what is met, and whether they were edited when that was met first.
        named: what travels by its name, by its home.
        ids: of all that might.

    Args:
        roots: takes the modules that have what travels by its name.
    """

    def __init__(self, edits: "Edits", roots: set[str]) -> None:
        self._edits = edits
        self._roots = roots
        self.ids = edits.homes.ids()
        self.modules: dict[str, bool] = {}
        self.named: dict[Home, object] = {}

    def reduced(self, item: Any) -> tuple[Any, ...] | None:
        """How an object travels by its name in a module; None if it travels as it is."""
        homes = self._edits.homes.of(item)
        return self._by_name(self._first(homes, item.__module__), item) if homes else None

    def put_names(self, function: types.FunctionType, reduced: tuple[Any, ...]) -> None:
        """Put names in place of the constants that a function of the program has from modules.

        Args:
            reduced: how cloudpickle pickles it, by value.
        """
        if function.__globals__ is not _program():
            return
        program, homes = self._edits.program, self._edits.homes
        if not homes.are_there():
            return
        space: dict[str, Any] = reduced[2][1]["__globals__"]  # made for this pickle
        for name, item in space.items():
            found = [home for home in program.taken(name) if homes.has(home, item)]
            if found and is_constant(item):
                named = self._by_name(min(found), item)
                space[name] = item if named is None else _Name(named)

    def is_still_so(self, edits: "Edits | None") -> bool:
        """True if things travel in the same way for somebody who sees these edits."""
        if not self.modules:
            return True
        if edits is not self._edits:
            return False
        for module, was_edited in self.modules.items():
            if not was_edited and edits.is_edited(module):
                return False
        return all(edits.homes.has(home, item) for home, item in self.named.items())

    def _first(self, homes: list[Home], module: str | None) -> Home:
        """The module that others take it from: what they need is more."""
        own = [each for each in homes if each[0] == module]
        return own[0] if own else min(homes, key=lambda home: self._edits.reach(home[0]))

    def _by_name(self, home: Home, item: Any) -> tuple[Any, ...] | None:
        module, _ = home
        if module not in self.modules:  # all in one pickle, or in one map, travels alike
            self.modules[module] = self._edits.is_edited(module)
        if not self.modules[module]:
            return None
        self._roots.add(module)
        self.named[home] = item
        return taken_from, home


class _Name:
    """Stands for a constant while it is pickled."""

    def __init__(self, reduced: tuple[Any, ...]) -> None:
        self._reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduced


def is_constant(item: Any) -> bool:
    """True for what nobody can change, with all that is in it."""
    kind = type(item)
    if kind is tuple or kind is frozenset:
        return all(map(is_constant, item))
    return kind in CONSTANTS


def _program() -> dict[str, Any]:
    return vars(sys.modules["__main__"])
