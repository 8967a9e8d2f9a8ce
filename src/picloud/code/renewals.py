"""Functions that travel by value, made of their modules as these are now.

A closure that a module has made, or what a decorator without `functools.wraps` has made, is found
by no name, so it travels as this program holds it. If its module has been edited meanwhile, it is
taken from there instead, with what it has captured: its code is that of the function of the same
name in the new source, its globals are those of the module where it runs. Where that cannot be
told, the call is refused: the old code would give the old answer.

Nothing of this happens as long as no module is edited.
"""

import importlib
import linecache
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

from picloud.code import definitions
from picloud.code.by_name import found, is_own_name
from picloud.code.definitions import Definition, Expression
from picloud.statemachine import value


@value
class Edit:
    """A module that was edited, or that needs one which was.

    Attributes:
        now: its source.
        before: the same as it was first seen; None if it had been edited by then.
    """

    module: str
    now: bytes
    before: bytes | None = None


@value
class Seen:
    """How a module is.

    Attributes:
        state: of all its files; the same for the same content.
        source: what Python would import; empty where something else makes code of it.
        edit: None if nothing has changed since it was first seen.
    """

    state: bytes
    source: bytes = b""
    edit: Edit | None = None


UNCHANGED = Seen(b"")
"""A module that is not the user's own, or that cannot be looked at."""

Look = Callable[[str], Seen]
"""Tells how a module of this name is."""


class Outdated(TypeError):  # noqa: N818 - named for the function, as Unpicklable is for a value
    """A function as it was before its module was edited, which has no counterpart there now."""


Reduced = tuple[Any, ...]
"""How to make something again, as `__reduce__` says it."""


def renewed(
    function: types.FunctionType, look: Look, seen: dict[str, bytes], roots: set[str]
) -> Reduced | None:
    """How to make a function of its module as that is now; None if it is to travel as it is.

    Args:
        function: what a pickler has come to.
        look: at a module.
        seen: takes the states of the modules that the answer depends on.
        roots: takes the modules that the function has to import.

    Raises:
        Outdated: it cannot be made of its module any more.
    """
    if is_own_name(function.__module__) and found(*_name_of(function)) is function:
        return None
    for inner in _captured(function):
        module, name = _name_of(inner)
        if is_own_name(module) and found(module, name) is function:  # what decorators made of it
            edit = _edit_of(inner, module, look, seen)
            if edit is not None and _is_decorated(edit, inner):
                roots.add(module)
                return _by_path, (module, name)
    module = function.__globals__.get("__name__", "")
    if not is_own_name(module) or not _is_from(module, function):
        return None
    edit = _edit_of(function, module, look, seen)
    if edit is None:
        return None
    roots.add(module)
    return _reduced(function, edit)


def _is_from(module: str, function: types.FunctionType) -> bool:
    """False for what other code has made in the module's name, such as methods of dataclasses."""
    is_there = found(module, "__dict__") is function.__globals__
    return is_there and found(module, "__file__") == function.__code__.co_filename


def _edit_of(
    function: types.FunctionType, module: str, look: Look, seen: dict[str, bytes]
) -> Edit | None:
    """How its module was edited; that this was so before the first look shows in its code only."""
    now = look(module)
    seen[module] = now.state
    if now.edit is not None or not now.source:
        return now.edit
    code, edit = function.__code__, Edit(module, now.source)
    there = _definitions(edit, edit.now, code)
    return edit if there and all(each.code != code for each in there) else None


def _definitions(edit: Edit, source: bytes, code: types.CodeType) -> list[Definition]:
    """The functions of a source that have the name of this one."""
    try:
        return definitions.read(source, code.co_filename).get(code.co_qualname, [])
    except (SyntaxError, ValueError) as error:
        raise Outdated(f"{edit.module} was edited, and cannot be compiled: {error}") from error


# ---------------------------------------------------------------------- by name


def _name_of(function: types.FunctionType) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _captured(function: types.FunctionType) -> Iterator[types.FunctionType]:
    line, known = [function], {function}
    for each in line:  # it grows while it is walked
        for inner in _contents(each).values():
            if isinstance(inner, types.FunctionType) and inner not in known:
                known.add(inner)
                line.append(inner)
                yield inner


def _contents(function: types.FunctionType) -> dict[str, Any]:
    """What a function has captured, as far as it is there yet."""
    contents: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):
            contents[name] = cell.cell_contents
    return contents


def _is_decorated(edit: Edit, inner: types.FunctionType) -> bool:
    return any(each.decorators for each in _definitions(edit, edit.now, inner.__code__))


def _by_path(module: str, name: str) -> Any:
    item: Any = importlib.import_module(module)
    for part in name.split("."):
        item = getattr(item, part)
    return item


# ---------------------------------------------------------------------- by its source


def _reduced(function: types.FunctionType, edit: Edit) -> Reduced:
    old, new = _definition_before(function.__code__, edit), _definition_now(function, edit)
    code = new.code
    if old is not None and old.decorators != new.decorators:
        _refuse(edit, code, "it has other decorators there")
    if set(code.co_freevars) != set(function.__code__.co_freevars):
        _refuse(edit, code, "it captures other variables there")
    linecache.checkcache(code.co_filename)  # its lines go along
    captured = _contents(function)
    places = {name: place for place, name in enumerate(code.co_freevars) if name in captured}
    defaults, keywords = _defaults_now(function, edit, old, new)
    state = (
        {place: captured[name] for name, place in places.items()},
        function.__dict__,
        keywords,
        (function.__qualname__, function.__module__),
        function.__annotations__,
    )
    # The state is pickled after the function is known, as a function may capture itself.
    return _make, (edit.module, code, function.__name__, defaults), state, None, None, _fill


def _definition_before(code: types.CodeType, edit: Edit) -> Definition | None:
    before = [] if edit.before is None else _definitions(edit, edit.before, code)
    alike = [each for each in before if each.code == code] or before
    return alike[0] if len(alike) == 1 else None


def _definition_now(function: types.FunctionType, edit: Edit) -> Definition:
    code = function.__code__
    now = _definitions(edit, edit.now, code)
    if not now:
        _refuse(edit, code, "it is not there any more")
    if len(now) == 1:
        return now[0]
    before = [] if edit.before is None else _definitions(edit, edit.before, code)
    places = [place for place, each in enumerate(before) if each.code == code]
    if len(places) != 1 or len(before) != len(now):
        _refuse(edit, code, "it cannot be told from others of that name")
    return now[places[0]]


def _defaults_now(
    function: types.FunctionType, edit: Edit, old: Definition | None, new: Definition
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """Literals are what they are in the source; what else has not changed the function holds."""
    held = {**_defaults_held(function), **(function.__kwdefaults__ or {})}
    before = None if old is None else {**old.defaults, **old.keyword_defaults}

    def value_of(name: str, expression: Expression) -> Any:
        if expression.is_literal:
            return expression.value()
        if name not in held or (before is not None and before.get(name) != expression):
            _refuse(edit, new.code, f"there it has another default {name}={expression}")
        return held[name]

    defaults = tuple(value_of(*each) for each in new.defaults.items())
    keywords = {name: value_of(name, each) for name, each in new.keyword_defaults.items()}
    return defaults or None, keywords or None


def _defaults_held(function: types.FunctionType) -> dict[str, Any]:
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))


def _refuse(edit: Edit, code: types.CodeType, why: str) -> NoReturn:
    raise Outdated(
        f"{edit.module}.{code.co_qualname} is held as it was before {edit.module} was edited, and "
        f"cannot be taken from there: {why}. Reload the module (importlib.reload) and make it again"
    )


def _make(
    module: str, code: types.CodeType, name: str, defaults: tuple[Any, ...] | None
) -> types.FunctionType:
    cells = tuple(types.CellType() for _ in code.co_freevars)
    return types.FunctionType(code, vars(importlib.import_module(module)), name, defaults, cells)


def _fill(function: types.FunctionType, state: tuple[Any, ...]) -> None:
    contents, attributes, keywords, names, annotations = state
    for place, item in contents.items():
        assert function.__closure__ is not None  # it was made with a cell for each
        function.__closure__[place].cell_contents = item
    function.__dict__.update(attributes)
    function.__kwdefaults__ = keywords
    function.__qualname__, function.__module__ = names
    function.__annotations__ = annotations
