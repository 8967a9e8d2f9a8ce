"""Where own modules have what knows no name of its own: the homes of such things.

A lambda may be an attribute of a module, and a function that a decorator has wrapped one of a
class. They are found by identity, among what a module had when it was first looked at: what the
program gives it later no other process would find there.
"""

import dis
import os
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property, lru_cache
from typing import Any

from picloud.code.by_name import (
    ALWAYS_THERE,
    MAIN_MODULES,
    NAMELESS,
    Home,
    in_class,
    is_importable,
    is_module_importable,
)

_MISSING = object()


class Homes:
    """Knows the homes of things in the own modules that are loaded, from any thread."""

    def __init__(self) -> None:
        self._count = 0  # how many modules were loaded, and the spec of the last one of them
        self._last: object = None
        self._modules: dict[str, _Loaded] = {}
        self._homes: dict[int, list[Home]] = {}

    def are_there(self) -> bool:
        """True if own modules are loaded."""
        self._look_at_modules()
        return bool(self._modules)

    def files(self) -> list[str]:
        """The files of the own modules that are loaded."""
        self._look_at_modules()
        return [_file_of(each.module) for each in self._modules.values()]

    def ids(self) -> Collection[int]:
        """The ids of all that has a home."""
        self._look_at_modules()
        return self._homes.keys()

    def of(self, item: object) -> list[Home]:
        """The homes of a thing."""
        self._look_at_modules()
        return [home for home in self._homes.get(id(item), ()) if self.has(home, item)]

    def has(self, home: Home, item: object) -> bool:
        """True if this is what workers find there, unless the module was edited."""
        module, name = home
        loaded = self._modules.get(module)
        return (
            loaded is not None
            and is_module_importable(module)
            and _found_in(vars(loaded.module), name) is item
            and name.partition(".")[0] not in loaded.set_later
        )

    def _look_at_modules(self) -> None:
        # Python puts a module at the end when it has loaded it, also anew; then its spec is new.
        count, last = len(sys.modules), _last_spec()
        if count == self._count and last is self._last and last is not None:
            return
        modules: dict[str, _Loaded] = {}
        homes: dict[int, list[Home]] = {}
        for name, module in list(sys.modules.items()):
            if _is_own(name, module):
                loaded = self._modules.get(name)
                if loaded is None or not loaded.is_still(module):
                    loaded = _Loaded(name, module)
                modules[name] = loaded
                for item, place in loaded.things:
                    homes.setdefault(item, []).append((name, place))
        self._modules, self._homes = modules, homes
        self._count, self._last = count, last


class _Loaded:
    """A module as it was loaded.

    Attributes:
        things: ids of what is in it and has no name of its own, and the names there.
    """

    def __init__(self, name: str, module: types.ModuleType) -> None:
        self.module = module
        self.things = [(id(item), place) for place, item in _nameless(name, vars(module))]
        self._spec = _spec_of(module)
        self._is_whole = not _is_loading(self._spec)

    def is_still(self, module: types.ModuleType) -> bool:
        """True if all of it was there, and it was not loaded anew since then."""
        return self._is_whole and module is self.module and _spec_of(module) is self._spec

    @cached_property
    def set_later(self) -> frozenset[str]:
        """The names that functions of the module bind: where it keeps what changes."""
        space = vars(self.module)
        items = list(space.values())
        classes = [item for item in items if issubclass(type(item), type)]
        items += [each for cls in classes for each in list(vars(cls).values())]
        codes = [
            item.__code__
            for item in items
            if type(item) is types.FunctionType and item.__globals__ is space
        ]
        return frozenset().union(*map(_global_stores, codes))


def _nameless(module: str, space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, item in list(space.items()):
        kind = type(item)
        if not issubclass(kind, NAMELESS):
            continue
        if not _has_name(item):
            yield name, item
        elif issubclass(kind, type) and item.__module__ == module:
            for inner, each in list(vars(item).items()):
                each = in_class(each)
                if issubclass(type(each), NAMELESS) and not _has_name(each):
                    yield f"{name}.{inner}", each


def _has_name(item: Any) -> bool:
    """True for what others find by its own name, and what they can find by none."""
    module = getattr(item, "__module__", None)
    name = getattr(item, "__qualname__", None)
    if module in _NOBODYS:
        return True
    return isinstance(module, str) and isinstance(name, str) and is_importable(item, module, name)


_NOBODYS = MAIN_MODULES | {"builtins"}


def _found_in(space: Mapping[str, Any], path: str) -> Any:
    name, _, inner = path.partition(".")
    item = space.get(name, _MISSING)
    if inner:
        item = vars(item).get(inner, _MISSING) if issubclass(type(item), type) else _MISSING
    return in_class(item)


@lru_cache(1024)
def _global_stores(code: types.CodeType) -> frozenset[str]:
    """What a function binds, or one inside it, that it says `global` of."""
    names: set[str] = set()
    if _STORE_GLOBAL in code.co_code[::2]:
        steps = dis.get_instructions(code)
        names = {step.argval for step in steps if step.opname == "STORE_GLOBAL"}
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return frozenset(names).union(*map(_global_stores, inner))


_STORE_GLOBAL = dis.opmap["STORE_GLOBAL"]


def _last_spec() -> object | None:
    """Of the module that was loaded last; None while one is being loaded."""
    try:
        module = sys.modules.get(next(reversed(sys.modules)))
    except RuntimeError:  # in another thread
        return None
    spec = _spec_of(module)
    return None if _is_loading(spec) else spec or module


def _spec_of(module: object) -> object | None:
    return vars(module).get("__spec__") if isinstance(module, types.ModuleType) else None


def _is_loading(spec: object) -> bool:
    return bool(getattr(spec, "_initializing", False))


def _is_own(name: str, module: object) -> bool:
    if name.partition(".")[0] in ALWAYS_THERE or not is_module_importable(name):
        return False
    file = _file_of(module)
    return bool(file) and not any(each in file for each in _NOT_OWN) and not _is_installed(file)


_NOT_OWN = (os.path.join(os.path.dirname(os.__file__), ""), f"{os.sep}site-packages{os.sep}")
"""In the paths of most modules that are not the user's."""


@cache
def _is_installed(file: str) -> bool:
    from picloud.code.modules.own_modules import is_installed  # takes some ms to load

    return is_installed(file)


def _file_of(module: object) -> str:
    file = vars(module).get("__file__") if isinstance(module, types.ModuleType) else None
    return file if isinstance(file, str) else ""
