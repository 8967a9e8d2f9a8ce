"""What another process can find by its name: in a module, or in a class of one.

Python looks for a function by its qualified name alone. There it does not find what a class method
runs, as the class gives it away bound only, nor a private method, whose name in the class is
another one. Found in the class they travel by name as well, and so are what the module says at the
time of the call.
"""

import sys
import types
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import cloudpickle

MAIN_MODULES = frozenset({"__main__", "__mp_main__"})
"""The names of the main program, which no other process can import."""


def by_value_modules() -> set[str]:
    """The modules that the user wants to travel with what is defined in them."""
    registered: set[str] = cloudpickle.list_registry_pickle_by_value()
    return registered


def is_importable(item: Any, module: str, name: str) -> bool:
    """True if this is what another process finds by that name in the module."""
    return _is_module_importable(module) and _found(module, name) is item


def _is_module_importable(module: str) -> bool:
    parents = accumulate(module.split("."), "{}.{}".format)
    return module not in MAIN_MODULES and by_value_modules().isdisjoint(parents)


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


Held = tuple[Callable[[type[Any], str], Any], tuple[type[Any], str]]
"""How to get a function from its class, as `__reduce__` says it."""


def held_by_class(function: Any) -> Held | None:
    """How to find what goes by its own name only in its class; None for all else."""
    owner, _, name = getattr(function, "__qualname__", "").rpartition(".")
    module = getattr(function, "__module__", None)
    if not owner or owner.endswith("<locals>") or not isinstance(module, str):
        return None
    cls = _found(module, owner)
    if not isinstance(cls, type) or (cls.__module__, cls.__qualname__) != (module, owner):
        return None
    if name.startswith("__") and not name.endswith("__"):
        name = f"_{cls.__name__.lstrip('_')}{name}"
    elif not isinstance(vars(cls).get(name), classmethod):
        return None
    if _in_class(vars(cls).get(name)) is not function or not _is_module_importable(module):
        return None
    return _function_of, (cls, name)


def _in_class(attribute: Any) -> Any:
    is_wrapped = isinstance(attribute, classmethod | staticmethod)
    return attribute.__func__ if is_wrapped else attribute


def _function_of(cls: type[Any], name: str) -> Any:
    found = getattr(cls, name)
    return found.__func__ if isinstance(found, types.MethodType) else found
