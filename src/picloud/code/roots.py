"""Which modules are imported where a value is loaded, or where a function that it holds runs."""

import functools
import types
from itertools import filterfalse
from typing import Any

from picloud.code import imports
from picloud.code.by_name import is_everywhere, is_importable

_NAMED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    functools._lru_cache_wrapper,
)

_REDUCE: Any = object.__reduce__
_REDUCE_EX: Any = object.__reduce_ex__


def note(item: Any, roots: set[str]) -> None:
    """Add the modules that one thing needs, as a pickler comes to it."""
    if isinstance(item, _NAMED):
        _note_named(item, roots)
    elif _reduces_itself(type(item)) and type(item).__module__ not in roots:
        _note_named(type(item), roots)  # it may go by a name of this module


def _reduces_itself(kind: Any) -> bool:
    return kind.__reduce__ is not _REDUCE or kind.__reduce_ex__ is not _REDUCE_EX


def _note_named(item: Any, roots: set[str]) -> None:
    """What has to be imported for a thing that goes by its name, or for code that goes itself."""
    is_module = isinstance(item, types.ModuleType)
    name = item.__name__ if is_module else getattr(item, "__module__", None)
    module = name if isinstance(name, str) else ""
    if _needs_nothing(module):
        return
    if is_module or is_importable(item, module, item.__qualname__):
        roots.add(module)
    elif isinstance(item, types.FunctionType):
        package = item.__globals__.get("__package__") or ""
        for each in imports.read_code(item.__code__):
            roots.update(filterfalse(_needs_nothing, imports.names_of(each, package)))


def _needs_nothing(module: str) -> bool:
    """True for what is there, unless it says that files are looked for."""
    return is_everywhere(module) and not imports.reads_data(module)
