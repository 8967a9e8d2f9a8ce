"""What a decorator of a module has put in the place of a function without `functools.wraps`.

With it a wrapper bears the name of the function, and is found by that. Without it the wrapper knows
no name; but it holds the function, and where the function should be, there is the wrapper. So it
goes by that name, too, if the module's own source says that its decorators have made it, and if it
holds nothing else than what they were given there. What is not that plain travels as it is.
"""

import functools
import sys
import types
from inspect import getattr_static
from typing import Any
from weakref import WeakKeyDictionary

from picloud.code.by_name import (
    Held,
    function_of,
    held,
    in_place,
    is_importable,
    is_module_importable,
    mangled,
)
from picloud.code.decorators import CONSTANTS, Decorator, makers_of

_MAX_DECORATORS = 32
"""Of one function."""

_LOCAL = ".<locals>."

_CACHED = functools._lru_cache_wrapper


_made_by: WeakKeyDictionary[types.FunctionType, list[Decorator] | None] = WeakKeyDictionary()
"""What the source said of a wrapper when that was first sent: an edit may say something else."""


def found_in(function: types.FunctionType) -> str | None:
    """The module in which others find a function by a name; None for one that travels itself."""
    module: Any = function.__module__
    if isinstance(module, str) and is_importable(function, module, function.__qualname__):
        return module
    place = held(function) or held_as_wrapper(function)
    if place is None:
        return None
    space = place[1][0]
    return space.__module__ if isinstance(space, type) else space.__name__


def held_as_wrapper(function: types.FunctionType) -> Held | None:
    """How to find a wrapper by the name of what it wraps; None for all else."""
    line = _line_of(function) if _LOCAL in function.__qualname__ else None
    if line is None:
        return None
    *wrappers, wrapped = line
    place = _place_of(wrapped)
    if place is None or in_place(vars(place[0]).get(place[1])) is not function:
        return None
    if function not in _made_by:
        _made_by[function] = makers_of(wrappers, wrapped)
    made_by = _made_by[function]
    if made_by is None or not all(map(_holds_only, wrappers, line[1:], made_by)):
        return None
    is_method = isinstance(place[0], type)
    return function_of if is_method else getattr, place


def _line_of(function: types.FunctionType) -> list[Any] | None:
    """The wrapper, what it wraps, and so on to what has a name of its own."""
    line: list[Any] = [function]
    while _LOCAL in (getattr(line[-1], "__qualname__", None) or ""):
        inside = [each for each in _contents(line[-1]) if _is_function(each)]
        if len(inside) != 1 or len(line) > _MAX_DECORATORS:
            return None
        line += inside
    return line if _is_bare(line[-1]) and all(map(_is_of_importable_module, line)) else None


def _is_function(item: Any) -> bool:
    """True for functions, and for what `functools.cache` has made of one."""
    return type(item) is types.FunctionType or type(item) is _CACHED


def _is_of_importable_module(function: Any) -> bool:
    module = getattr(function, "__module__", None)
    return isinstance(module, str) and is_module_importable(module)


def _contents(function: Any) -> list[Any]:
    try:
        return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    except ValueError:  # one is not filled
        return []


def _is_bare(wrapped: Any) -> bool:
    """True for a function as a `def` alone makes it: nothing in it can have changed."""
    function = wrapped.__wrapped__ if type(wrapped) is _CACHED else wrapped
    if type(function) is not types.FunctionType or function.__closure__ or vars(function):
        return False
    if getattr(wrapped, "__qualname__", None) != function.__qualname__:
        return False
    defaults = *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()
    return all(type(each) in CONSTANTS for each in defaults)


def _place_of(function: Any) -> tuple[Any, str] | None:
    """The module or the class in which a function is found by its name, and its name there."""
    name, module = function.__qualname__, function.__module__
    space = sys.modules.get(module)
    above = module.rpartition(".")[0]
    if type(space) is not types.ModuleType or (above and above not in sys.modules):
        return None
    owner, _, name = name.rpartition(".")
    if not owner:
        return space, name
    cls: Any = space
    for each in owner.split("."):
        cls = vars(cls).get(each) if isinstance(cls, type | types.ModuleType) else None
    if not isinstance(cls, type) or (cls.__module__, cls.__qualname__) != (module, owner):
        return None
    name = mangled(cls, name)
    is_hidden = getattr_static(type(cls), name, None) is not None  # by its metaclass
    return None if is_hidden else (cls, name)


def _holds_only(wrapper: types.FunctionType, wrapped: Any, maker: Decorator) -> bool:
    """True if a wrapper holds nothing but what it wraps and what its decorator was given."""
    if wrapper.__defaults__ or wrapper.__kwdefaults__:
        return False
    if any(name != "__wrapped__" or item is not wrapped for name, item in vars(wrapper).items()):
        return False
    return all(each is wrapped or maker.was_given(each) for each in _contents(wrapper))
