"""What another process can find by its name: in a module, or in a class of one.

Python looks for a function by its qualified name alone. There it does not find what a class method
runs, as the class gives it away bound only, nor a private method, whose name in the class is
another one. Found in the class they travel by name as well, and so are what the module says at the
time of the call.
"""

import functools
import importlib
import operator
import sys
import types
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import cloudpickle

MAIN_MODULES = frozenset({"__main__", "__mp_main__"})
"""The names of the main program, which no other process can import."""


ALWAYS_THERE = MAIN_MODULES | {"picloud", "picloud_worker", "picloud_master"}
"""What every interpreter has, and what none can import."""

Home = tuple[str, str]
"""A module, and the name under which it has something."""

NAMELESS = (
    types.FunctionType,
    type,
    functools.partial,
    operator.itemgetter,
    operator.attrgetter,
    operator.methodcaller,
)
"""What may be code that only an attribute of a module leads to: lambdas, closures, classes that a
function has made. What a program changes, such as a list, is not code."""


def by_value_modules() -> set[str]:
    """The modules that the user wants to travel with what is defined in them."""
    registered: set[str] = cloudpickle.list_registry_pickle_by_value()
    return registered


def is_importable(item: Any, module: str, name: str) -> bool:
    """True if this is what another process finds by that name in the module."""
    return is_module_importable(module) and _found(module, name) is item


def is_module_importable(module: str) -> bool:
    """True if another process may import it: it is not the program, nor to travel by value."""
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
    if in_class(vars(cls).get(name)) is not function or not is_module_importable(module):
        return None
    return _function_of, (cls, name)


def in_class(attribute: Any) -> Any:
    """What is in an attribute of a class, which may be a class method or a static one."""
    is_wrapped = isinstance(attribute, classmethod | staticmethod)
    return attribute.__func__ if is_wrapped else attribute


def _function_of(cls: type[Any], name: str) -> Any:
    found = getattr(cls, name)
    return found.__func__ if isinstance(found, types.MethodType) else found


def taken_from(module: str, name: str) -> Any:
    """What a module, or a class of it, has under a name in the process that asks.

    Raises:
        AttributeError: it has no such name.
    """
    found: Any = importlib.import_module(module)
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise AttributeError(
            f"module {module} has no {name!r} since it was edited: put it back, or load the "
            "module again in the program (importlib.reload) and use what it has now",
            name=name,
            obj=found,
        ) from None
    return found.__func__ if isinstance(found, types.MethodType) else found
