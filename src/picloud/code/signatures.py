"""Checks arguments against a function before anything is sent, in Python's own words.

`inspect.Signature.bind` is slow and words its errors in its own way. So each function gets a
twin with the same name and the same parameters that does nothing: calling the twin costs a tenth
of a microsecond, and what Python says about wrong arguments is what it would say of the function.
"""

import ast
import copy
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from picloud.code.by_name import is_importable
from picloud.code.definitions import Definition, definition

Check = Callable[..., object]
"""Takes the arguments; raises TypeError if the function would refuse them."""


def check_of(function: Callable[..., Any]) -> Check:
    """Make the check of a callable; it lets everything through where Python knows no signature."""
    if isinstance(function, types.FunctionType):
        return _twin_of_code(
            function.__qualname__,
            function.__code__,
            len(function.__defaults__ or ()),
            frozenset(function.__kwdefaults__ or ()),
        )
    if isinstance(function, types.MethodType):
        # Python counts `self` in its messages.
        return functools.partial(check_of(function.__func__), function.__self__)
    if isinstance(function, functools.partial):
        if not _is_called_as_partials_are(type(function)):
            return _anything  # `inspect` does not see that it does something else
        return functools.partial(check_of(function.func), *function.args, **function.keywords)
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (ValueError, TypeError):
        return _anything
    parameters = [
        (str(each.name), each.kind, each.default is not each.empty)
        for each in signature.parameters.values()
    ]
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return _twin(name, _declaration(parameters))


def check_again(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: TypeError
) -> None:
    """Check arguments that were refused against the function as its file defines it now.

    A function that travels by its name runs as it is there, in a program that has another one.

    Raises:
        TypeError: `error`, if there is no other, or what the edited function would raise.
    """
    node = _definition_of(function) if isinstance(function, types.FunctionType) else None
    if node is None:
        raise error
    arguments = copy.deepcopy(node.args)
    for each in ast.walk(arguments):
        if isinstance(each, ast.arg):
            each.annotation = None
    none: ast.expr = ast.Constant(None)
    arguments.defaults = [none for _ in arguments.defaults]
    arguments.kw_defaults = [None if each is None else none for each in arguments.kw_defaults]
    _twin(function.__qualname__, ast.unparse(arguments))(*args, **kwargs)


def _definition_of(function: types.FunctionType) -> Definition | None:
    """Where its file defines a function that goes by its name, undecorated; None for all else."""
    if not is_importable(function, function.__module__ or "", function.__qualname__):
        return None
    found = definition(function.__code__.co_filename, function.__qualname__)
    return found if found is not None and not found.decorator_list else None


def _is_called_as_partials_are(cls: type[Any]) -> bool:
    call: Any = functools.partial.__call__
    return cls.__call__ is call


def _anything(*_args: object, **_kwargs: object) -> None:
    """The check of a callable that cannot be looked into."""


@functools.lru_cache(1024)
def _twin_of_code(
    name: str, code: types.CodeType, defaults: int, keywords: frozenset[str]
) -> Check:
    positional = code.co_varnames[: code.co_argcount]
    rest = iter(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
    parameters: list[Parameter] = []
    for place, each in enumerate(positional):
        kind = _POSITIONAL_ONLY if place < code.co_posonlyargcount else _POSITIONAL
        parameters.append((each, kind, place >= len(positional) - defaults))
    if code.co_flags & inspect.CO_VARARGS:
        parameters.append((next(rest), _VAR_POSITIONAL, False))
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    parameters += [(each, _KEYWORD_ONLY, each in keywords) for each in only]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        parameters.append((next(rest), _VAR_KEYWORD, False))
    return _twin(name, _declaration(parameters))


@functools.lru_cache(1024)
def _twin(name: str, declaration: str) -> Check:
    namespace: dict[str, Any] = {}
    exec(f"def twin({declaration}): pass", namespace)
    twin: types.FunctionType = namespace["twin"]
    # Python takes the name in its messages from here.
    twin.__qualname__ = name
    return twin


Parameter = tuple[str, Any, bool]
"""Name, kind, and whether there is a default."""

_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD
_VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
_VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD


def _declaration(parameters: list[Parameter]) -> str:
    """Spell parameters as in a `def`; that there is a default matters, not which."""
    parts: list[str] = []
    before = None
    for name, kind, has_default in parameters:
        if before is _POSITIONAL_ONLY and kind is not _POSITIONAL_ONLY:
            parts.append("/")
        if kind is _KEYWORD_ONLY and before not in (_KEYWORD_ONLY, _VAR_POSITIONAL):
            parts.append("*")
        stars = {_VAR_POSITIONAL: "*", _VAR_KEYWORD: "**"}.get(kind, "")
        parts.append(f"{stars}{name}{'=None' if has_default else ''}")
        before = kind
    if before is _POSITIONAL_ONLY:
        parts.append("/")
    return ", ".join(parts)
