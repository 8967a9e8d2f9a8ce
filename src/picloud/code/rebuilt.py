"""Things of the main program that Python pickles by their name only: made anew from their parts.

Those of a module go by their name, as ever.
"""

import functools
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from cloudpickle import cloudpickle

from picloud.code import classes, enums
from picloud.code.by_name import is_importable, is_module_importable

Reduced = str | tuple[Any, ...]


def _by_name(item: Any) -> str | None:
    name = getattr(item, "__qualname__", None) or item.__name__
    return name if is_importable(item, item.__module__ or "", name) else None


def _anew(item: Any, make: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """Have it made from its parts, once in each process, as cloudpickle does for a `TypeVar`."""
    return _found_or_made, (cloudpickle._get_or_create_tracker_id(item), make, arguments)


def _found_or_made(number: str, make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    found = classes.known(number)
    return cloudpickle._lookup_class_or_track(number, make(*arguments)) if found is None else found


def _reduce_new_type(item: Any) -> Reduced:
    parts = item.__name__, item.__supertype__, item.__module__
    return _by_name(item) or _anew(item, _new_type, *parts)


def _new_type(name: str, supertype: Any, module: str) -> Any:
    new_type: Any = typing.NewType
    made = new_type(name, supertype)
    made.__module__ = module
    return made


def _reduce_param_spec(item: Any) -> Reduced:
    parts = item.__name__, item.__bound__, item.__covariant__, item.__contravariant__
    return _by_name(item) or _anew(item, _param_spec, *parts)


def _param_spec(name: str, bound: Any, covariant: bool, contravariant: bool) -> Any:
    make: Any = typing.ParamSpec
    return make(name, bound=bound, covariant=covariant, contravariant=contravariant)


def _reduce_type_var_tuple(item: Any) -> Reduced:
    return _by_name(item) or _anew(item, typing.TypeVarTuple, item.__name__)


def _reduce_type_alias(item: Any) -> Reduced:
    # No number for it: nothing can refer to it weakly.
    parts = item.__name__, item.__value__, item.__type_params__
    return _by_name(item) or (_type_alias, parts)


def _type_alias(name: str, meant: Any, parameters: tuple[Any, ...]) -> Any:
    alias: Any = vars(typing)["TypeAliasType"]
    return alias(name, meant, type_params=parameters)


REDUCERS: dict[type[Any], Callable[[Any], Reduced]] = {
    typing.NewType: _reduce_new_type,
    typing.ParamSpec: _reduce_param_spec,
    typing.TypeVarTuple: _reduce_type_var_tuple,
}
if "TypeAliasType" in vars(typing):  # since Python 3.12
    REDUCERS[vars(typing)["TypeAliasType"]] = _reduce_type_alias

# ---------------------------------------------------------------------- functions and classes

_a_dispatcher: Any = functools.singledispatch(repr)
_DISPATCH = _a_dispatcher.__code__
_OF_DISPATCHERS = frozenset(vars(_a_dispatcher)) | {"__wrapped__"}


def reduce_dispatch(function: types.FunctionType) -> Reduced | None:
    """Pickle what `functools.singledispatch` has made and no name finds; None for all else."""
    if function.__code__ is not _DISPATCH or _by_name(function):
        return None
    attributes = {key: item for key, item in vars(function).items() if key not in _OF_DISPATCHERS}
    registry: dict[type[Any], Any] = dict(vars(function)["registry"])
    default = registry.pop(object)
    return functools.singledispatch, (default,), (registry, attributes), None, None, _register


def _register(function: Any, state: tuple[dict[type[Any], Any], dict[str, Any]]) -> Any:
    registry, attributes = state
    for cls, implementation in registry.items():
        function.register(cls, implementation)
    vars(function).update(attributes)
    return function


def reduce_nameless(item: Any) -> Reduced | None:
    """Pickle a TypedDict, a member of an enum or a module of a class of its own; else None."""
    if issubclass(type(item), types.ModuleType):
        return _module_parts(item)
    return _typed_dict_parts(item) if isinstance(item, type) else enums.reduce_member(item)


def _module_parts(module: types.ModuleType) -> Reduced | None:
    """Pickle a module by its name that is no plain one: Python lets modules set their class."""
    name = module.__name__
    if type(module) is types.ModuleType or sys.modules.get(name) is not module:
        return None
    return (cloudpickle.subimport, (name,)) if is_module_importable(name) else None


def _typed_dict_parts(cls: Any) -> Reduced | None:
    """Pickle a TypedDict that is found by no name, and that cloudpickle cannot; else None."""
    if not typing.is_typeddict(cls) or _by_name(cls):
        return None
    if typing.TypedDict in vars(cls).get("__orig_bases__", ()):
        return None  # it is made of nothing but its own fields, which cloudpickle can do
    named = {name: vars(cls).get(name) for name in _OF_TYPED_DICTS}
    return _anew(cls, _typed_dict, cls.__name__, dict(cls.__annotations__), named)


_OF_TYPED_DICTS = (
    "__module__",
    "__qualname__",
    "__doc__",
    "__total__",
    "__orig_bases__",
    "__parameters__",
    *(f"__{kind}_keys__" for kind in ("required", "optional", "readonly", "mutable")),
)


def _typed_dict(name: str, fields: dict[str, Any], named: dict[str, Any]) -> Any:
    typed_dict: Any = typing.TypedDict
    made = typed_dict(name, fields)
    for key, item in named.items():
        if item is not None:
            setattr(made, key, item)
    return made
