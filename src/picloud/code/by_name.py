"""What another process can find by its name: in a module, or in a class of one.

Python looks for a function by its qualified name alone. There it does not find what a class method
runs, as the class gives it away bound only, nor a private method, whose name in the class is
another one, nor the lambda that a module has given a name. Found in the class or the module they
travel by name as well, and so are what the module says at the time of the call.
"""

import os
import sys
import types
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import cloudpickle

MAIN_MODULES = frozenset({"__main__", "__mp_main__"})
"""The names of the main program, which no other process can import."""

HEAP_TYPE = 1 << 9
"""Flag of classes that a class statement has made."""

_EVERYWHERE = frozenset(
    {"builtins", "cloudpickle", "copyreg", "picloud", "picloud_master", "picloud_worker"}
)
"""What every worker has, though it may lie among modules of the user."""

_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"


def is_everywhere(module: str) -> bool:
    """True for what every worker has: a few packages, and what is loaded of Python's own library.

    A name of that library that is not loaded may be that of a module of the user, too.
    """
    top = module.partition(".")[0]
    if top in _EVERYWHERE:
        return True
    if top not in sys.stdlib_module_names:
        return False
    loaded = sys.modules.get(top)
    spec = vars(loaded).get("__spec__") if isinstance(loaded, types.ModuleType) else None
    origin = getattr(spec, "origin", None)
    if origin in ("built-in", "frozen"):
        return True
    return (
        isinstance(origin, str)
        and origin.startswith(_STANDARD)
        and not any(map(origin.__contains__, _INSTALLED))
    )


def by_value_modules() -> set[str]:
    """The modules that the user wants to travel with what is defined in them."""
    registered: set[str] = cloudpickle.list_registry_pickle_by_value()
    return registered


def is_importable(item: Any, module: str, name: str) -> bool:
    """True if this is what another process finds by that name in the module."""
    return is_module_importable(module) and _found(module, name) is item


def is_module_importable(module: str) -> bool:
    """True unless what is in the module travels by value."""
    parents = accumulate(module.split("."), "{}.{}".format)
    return module not in MAIN_MODULES and by_value_modules().isdisjoint(parents)


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    try:
        for part in name.split("."):
            found = getattr(found, part, None)
    except Exception:  # noqa: BLE001 - a module may have a `__getattr__` of its own
        return None
    return found


Held = tuple[Callable[[Any, str], Any], tuple[type[Any] | types.ModuleType, str]]
"""How to get a function from its class or its module, as `__reduce__` says it."""


def held(function: Any) -> Held | None:
    """How to find what does not go by its qualified name; None for all else."""
    owner, _, name = getattr(function, "__qualname__", "").rpartition(".")
    module = getattr(function, "__module__", None)
    if name == "<lambda>" and not owner:
        return _held_by_module(function, module)
    return _held_by_class(function, module, owner, name)


def _held_by_module(function: Any, name: Any) -> Held | None:
    """A lambda of a file: what was made in memory alone travels as it is."""
    module = sys.modules.get(name) if isinstance(name, str) else None
    if not isinstance(module, types.ModuleType) or not is_module_importable(name):
        return None
    space = vars(module)
    if getattr(function, "__globals__", space) is not space or "__file__" not in space:
        return None
    names = [each for each, item in list(space.items()) if item is function]
    return (getattr, (module, names[0])) if names else None


def _held_by_class(function: Any, module: Any, owner: str, name: str) -> Held | None:
    if not owner or owner.endswith("<locals>") or not isinstance(module, str):
        return None
    cls = _found(module, owner)
    if not isinstance(cls, type) or (cls.__module__, cls.__qualname__) != (module, owner):
        return None
    private = mangled(cls, name)
    if private == name and not isinstance(vars(cls).get(name), classmethod):
        return None
    if in_place(vars(cls).get(private)) is not function or not is_module_importable(module):
        return None
    return function_of, (cls, private)


def mangled(cls: type[Any], name: str) -> str:
    """What a class calls what is private in it."""
    is_private = name.startswith("__") and not name.endswith("__")
    return f"_{cls.__name__.lstrip('_')}{name}" if is_private else name


def in_place(attribute: Any) -> Any:
    """What a class has under a name, without what makes it a class method or a static one."""
    is_method = isinstance(attribute, classmethod | staticmethod)
    return attribute.__func__ if is_method else attribute


def function_of(cls: type[Any], name: str) -> Any:
    """Get a function from its class: how it is pickled."""
    found = getattr(cls, name)
    return found.__func__ if isinstance(found, types.MethodType) else found
