"""What a decorator of a module has put in the place of a function without `functools.wraps`.

With it a wrapper bears the name of the function, and is found by that. Without it the wrapper knows
no name; but it holds the function, and where the function should be, there is the wrapper. So it
goes by that name, too, if the module's own source says that its decorators have made it, and if it
holds nothing that the program may have changed meanwhile. What is not that plain travels as it is.
"""

import ast
import dis
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
from picloud.code.definitions import definition

_MAX_DEPTH = 8
"""Decorators of one function that are followed."""

_LOCAL = ".<locals>."

_says_so: WeakKeyDictionary[types.FunctionType, bool] = WeakKeyDictionary()
"""What the source said of a wrapper when that was first sent: an edit may say something else."""


def goes_by_name(function: types.FunctionType) -> bool:
    """True if a function does not travel itself: others find it by a name."""
    if is_importable(function, function.__module__ or "", function.__qualname__):
        return True
    return (held(function) or held_as_wrapper(function)) is not None


def held_as_wrapper(function: types.FunctionType) -> Held | None:
    """How to find a wrapper by the name of what it wraps; None for all else."""
    if _LOCAL not in function.__qualname__:
        return None
    line = _line_from(function, function, _MAX_DEPTH)
    if line is None or not all(map(_holds_only, line, line[1:])):
        return None
    wrapped = line[-1]
    if not is_module_importable(wrapped.__module__):
        return None
    if function not in _says_so:
        _says_so[function] = _is_made_by_decorators(line)
    if not _says_so[function]:
        return None
    space, name = _place_of(wrapped)
    how = getattr if isinstance(space, types.ModuleType) else function_of
    return how, (space, name)


def _line_from(item: Any, outer: Any, depth: int) -> list[types.FunctionType] | None:
    """The wrapper, what it wraps, and so on to the function in whose place the outer one is."""
    if type(item) is not types.FunctionType:
        return None
    if _LOCAL not in item.__qualname__:
        space, name = _place_of(item)
        return [item] if in_place(vars(space).get(name)) is outer else None
    for each in _contents(item) if depth else ():
        line = _line_from(each, outer, depth - 1)
        if line is not None:
            return [item, *line]
    return None


def _place_of(function: types.FunctionType) -> tuple[Any, str]:
    """The module or the class that a function belongs to by its name, and its name there."""
    *owners, name = function.__qualname__.split(".")
    space: Any = sys.modules.get(function.__module__ or "")
    for owner in owners:
        space = vars(space).get(owner) if isinstance(space, types.ModuleType | type) else None
    if not isinstance(space, types.ModuleType | type):
        return types.SimpleNamespace(), name
    return space, mangled(space, name) if isinstance(space, type) else name


def _contents(function: types.FunctionType) -> list[Any]:
    try:
        return [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # one is not filled
        return []


# ---------------------------------------------------------------------- what it holds

_CONSTANTS = frozenset({int, float, complex, bool, str, bytes, type(None), type(...)})


def _holds_only(wrapper: types.FunctionType, wrapped: types.FunctionType) -> bool:
    """True if a wrapper holds nothing besides what it wraps that could be another by now."""
    held = [
        *_contents(wrapper),
        *vars(wrapper).values(),
        *(wrapper.__defaults__ or ()),
        *(wrapper.__kwdefaults__ or {}).values(),
    ]
    return all(each is wrapped or _is_constant(each) for each in held) and not _rebinds(wrapper)


def _is_constant(item: Any) -> bool:
    kind = type(item)
    if kind is tuple or kind is frozenset:
        return all(map(_is_constant, item))
    if kind is types.FunctionType or issubclass(kind, type):
        return is_importable(item, item.__module__ or "", item.__qualname__)
    return kind in _CONSTANTS or kind in (types.ModuleType, types.BuiltinFunctionType)


def _rebinds(function: types.FunctionType) -> bool:
    """True if it says `nonlocal`: a counter, perhaps."""
    own = function.__code__.co_freevars
    return any(
        step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in own
        for step in dis.get_instructions(function.__code__)
    )


# ---------------------------------------------------------------------- what the source says


def _is_made_by_decorators(line: list[types.FunctionType]) -> bool:
    """True if the decorators in the source are what has made these wrappers, in that order."""
    *wrappers, wrapped = line
    module = sys.modules[wrapped.__module__]
    node = definition(getattr(module, "__file__", None) or "", wrapped.__qualname__)
    if node is None:
        return False
    makers = iter([_meant(each, module) for each in node.decorator_list])
    return all(any(_has_made(maker, each) for maker in makers) for each in wrappers)


def _has_made(maker: Any, wrapper: types.FunctionType) -> bool:
    name = getattr(maker, "__qualname__", None)
    is_of_module = getattr(maker, "__module__", None) == wrapper.__module__
    return is_of_module and wrapper.__qualname__.startswith(f"{name}{_LOCAL}")


def _meant(decorator: ast.expr, module: types.ModuleType) -> Any:
    """What `@timed`, `@tools.timed` or `@tools.timed(3)` names; None where that is not plain."""
    if isinstance(decorator, ast.Call):
        return _meant(decorator.func, module)
    if isinstance(decorator, ast.Name):
        return vars(module).get(decorator.id)
    if isinstance(decorator, ast.Attribute):
        return in_place(getattr_static(_meant(decorator.value, module), decorator.attr, None))
    return None
