"""The modules that have to be imported where a pickle is loaded: its roots."""

import functools
import types
from typing import Any

from picloud.code import imports
from picloud.code.by_name import is_importable

LOADERS = frozenset({"picloud.job"})
"""Modules whose functions load what each handle is pickled as. Workers have them."""

_EVERYWHERE = frozenset({"builtins", "cloudpickle", "copyreg", "picloud"})
"""What nearly every pickle names, and every worker has."""

_NAMED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    functools._lru_cache_wrapper,
)

_REDUCE: Any = object.__reduce__
_REDUCE_EX: Any = object.__reduce_ex__


def note_roots(item: Any, roots: set[str]) -> None:
    """Note what a part of a pickle needs."""
    kind = type(item)
    if isinstance(item, _NAMED):
        _note(item, roots)
    elif _reduces_itself(kind) and kind.__module__ not in roots:
        _note(kind, roots)  # it may go by a name of this module


def _reduces_itself(kind: Any) -> bool:
    return kind.__reduce__ is not _REDUCE or kind.__reduce_ex__ is not _REDUCE_EX


def _note(item: Any, roots: set[str]) -> None:
    """What has to be imported for a thing that goes by its name, or for code that goes itself."""
    if isinstance(item, types.ModuleType):
        roots.add(item.__name__)
        return
    module = getattr(item, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] in _EVERYWHERE:
        return
    if isinstance(module, str) and is_importable(item, module, item.__qualname__):
        roots.add(module)
    elif isinstance(item, types.FunctionType):
        package = item.__globals__.get("__package__") or ""
        for each in imports.read_code(item.__code__):
            roots.update(imports.names_of(each, package))
