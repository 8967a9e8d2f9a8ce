"""Functions that travel by value, made of their modules as these are now.

A closure that a module has made, or what a decorator without `functools.wraps` has made, is found
by no name, so it travels as this program holds it. If its module has been edited meanwhile, it is
taken from there instead, with what it has captured: its code is that of the function of the same
name in the new source, its globals are those of the module where it runs. Where that cannot be
told, the call is refused: the old code would give the old answer.

Nothing of this happens as long as no module is edited.
"""

import ast
import importlib
import linecache
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from picloud.code import definitions
from picloud.code.by_name import found, is_own_name
from picloud.code.definitions import Definition
from picloud.statemachine import value


@value
class Edit:
    """A module that was edited, or that imports one which was.

    Attributes:
        before: its source as it was when it was first seen.
        now: its source.
    """

    module: str
    before: bytes
    now: bytes


class Edits(Protocol):
    """What was edited of the modules of a program."""

    def look(self) -> int:
        """See how all of them are now; return a number that every change makes another one."""

    def edit_of(self, module: str) -> Edit | None:
        """How one was edited, as of the last look."""


class Outdated(TypeError):  # noqa: N818 - named for the function, as Unpicklable is for a value
    """A function as it was before its module was edited, which has no counterpart there now."""


Reduced = tuple[Any, ...]
"""How to make something again, as `__reduce__` says it."""


def renewed(
    function: types.FunctionType, edit_of: Callable[[str], Edit | None], roots: set[str]
) -> Reduced | None:
    """How to make a function of its module as that is now; None if it is to travel as it is.

    Args:
        function: what a pickler has come to.
        edit_of: tells how a module was edited.
        roots: takes the modules that the function has to import.

    Raises:
        Outdated: it cannot be made of its module any more.
    """
    if is_own_name(function.__module__) and found(*_name_of(function)) is function:
        return None
    for wrappers, inner in _wrapped(function):
        module, name = _name_of(inner)
        if is_own_name(module) and found(module, name) is function:
            edit = edit_of(module)
            if edit is None or _is_current(edit):
                continue
            if _have_made(edit, inner, wrappers):
                roots.add(module)
                return _by_path, (module, name)
    module = function.__globals__.get("__name__", "")
    if not is_own_name(module) or not _is_from(module, function):
        return None
    edit = edit_of(module)
    if edit is None or _is_current(edit):
        return None
    if not _definitions(edit, edit.before, function.__code__):
        return None  # other code has made it
    roots.add(module)
    return _reduced(function, edit)


def _name_of(function: types.FunctionType) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _is_from(module: str, function: types.FunctionType) -> bool:
    """False for what other code has made in the module's name, such as methods of dataclasses."""
    is_there = found(module, "__dict__") is function.__globals__
    return is_there and found(module, "__file__") == function.__code__.co_filename


def _is_current(edit: Edit) -> bool:
    """True if something, such as a notebook, has put what was edited into the loaded module."""
    before, now = _read(edit, edit.before), _read(edit, edit.now)
    for name, (last, *_) in now.items():
        function = None if "." in name else found(edit.module, name)
        if not isinstance(function, types.FunctionType) or last.decorators:
            continue
        is_edited = name not in before or before[name][0].text != last.text
        if is_edited and definitions.alike(function.__code__, last.code):
            return True
    return False


def _definitions(edit: Edit, source: bytes, code: types.CodeType) -> list[Definition]:
    """The functions of a source that have the name of this one."""
    return _read(edit, source).get(code.co_qualname, [])


def _read(edit: Edit, source: bytes) -> dict[str, list[Definition]]:
    try:
        return definitions.read(source, str(found(edit.module, "__file__")))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Outdated(f"{edit.module} was edited, and cannot be compiled: {error}") from error


# ---------------------------------------------------------------------- what decorators have made


def _wrapped(
    function: types.FunctionType,
) -> Iterator[tuple[list[types.FunctionType], types.FunctionType]]:
    """Functions that a function has captured, each with those around it, the outermost first."""
    line, known = [([function], function)], {function}
    for wrappers, each in line:  # it grows while it is walked
        for inner in _captured(each).values():
            if isinstance(inner, types.FunctionType) and inner not in known:
                known.add(inner)
                line.append(([*wrappers, inner], inner))
                yield wrappers, inner


def _captured(function: types.FunctionType) -> dict[str, Any]:
    """What a function has captured, as far as it is there yet."""
    contents: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):
            contents[name] = cell.cell_contents
    return contents


def _have_made(edit: Edit, inner: types.FunctionType, wrappers: list[types.FunctionType]) -> bool:
    """True if the source says that these decorators are around it, and nobody else's."""
    before = _definitions(edit, edit.before, inner.__code__)
    if len(before) != 1 or len(before[0].decorators) != len(wrappers):
        return False
    if not _definitions(edit, edit.now, inner.__code__):
        return False
    return all(
        definitions.called_name(decorator) in wrapper.__code__.co_qualname.split(".")
        for decorator, wrapper in zip(before[0].decorators, wrappers, strict=True)
    )


def _by_path(module: str, name: str) -> Any:
    item: Any = importlib.import_module(module)
    for part in name.split("."):
        item = getattr(item, part)
    return item


# ---------------------------------------------------------------------- by its source


def _reduced(function: types.FunctionType, edit: Edit) -> Reduced:
    try:
        old, new = _counterpart(function.__code__, edit)
        defaults, keywords = _defaults_now(function, edit, old, new)
        is_like = definitions.same(old.decorators, new.decorators)
        if not is_like or old.class_text != new.class_text:
            _refuse(edit, new.code, "it has other decorators there, or is in another class")
    except RecursionError:
        _refuse(edit, function.__code__, "its source is nested too deeply")
    code = new.code
    if set(code.co_freevars) != set(function.__code__.co_freevars):
        _refuse(edit, code, "it captures other variables there")
    linecache.checkcache(code.co_filename)  # its lines go along
    captured = _captured(function)
    places = {name: place for place, name in enumerate(code.co_freevars) if name in captured}
    state = (
        {place: captured[name] for name, place in places.items()},
        function.__dict__,
        keywords,
        (function.__qualname__, function.__module__),
        function.__annotations__,
    )
    # The state is pickled after the function is known, as a function may capture itself.
    return _make, (edit.module, code, function.__name__, defaults), state, None, None, _fill


def _counterpart(code: types.CodeType, edit: Edit) -> tuple[Definition, Definition]:
    """The function in the source before and now.

    What is written there as it was is the same; of what was edited there may be only one of a name.
    """
    before = _definitions(edit, edit.before, code)
    now = _definitions(edit, edit.now, code)
    own = [each for each in before if each.code == code]
    if len(own) != 1:
        _refuse(edit, code, "its code is not what the source has said")
    (old,) = own
    if not now:
        _refuse(edit, code, "it is not there any more")
    if len(before) == len(now) == 1:
        return old, now[0]
    texts = [each.text for each in before], [each.text for each in now]
    alike = [each for each in now if each.text == old.text]
    if len(alike) == 1 and texts[0].count(old.text) == 1:
        return old, alike[0]
    others = [
        [place for place, text in enumerate(one) if text not in other]
        for one, other in (texts, texts[::-1])
    ]
    if alike or others[0] != others[1] or len(others[0]) != 1 or len(before) != len(now):
        _refuse(edit, code, "it cannot be told from others of that name")
    return old, now[others[1][0]]


def _defaults_now(
    function: types.FunctionType, edit: Edit, old: Definition, new: Definition
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """What is written as it was the function holds; others are taken from the source."""
    held = {**_defaults_held(function), **(function.__kwdefaults__ or {})}
    before = {**old.defaults, **old.keyword_defaults}

    def value_of(name: str, expression: ast.expr) -> Any:
        if name in held and name in before and definitions.same([before[name]], [expression]):
            return held[name]
        try:
            return definitions.literal(expression)
        except ValueError:
            text = f"{name}={ast.unparse(expression)}"
            _refuse(edit, new.code, f"there it has another default, {text:.200}")

    defaults = tuple(value_of(*each) for each in new.defaults.items())
    keywords = {name: value_of(name, each) for name, each in new.keyword_defaults.items()}
    return defaults or None, keywords or None


def _defaults_held(function: types.FunctionType) -> dict[str, Any]:
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))


def _refuse(edit: Edit, code: types.CodeType, why: str) -> NoReturn:
    raise Outdated(
        f"{edit.module}.{code.co_qualname} is held as it was before {edit.module}, or what it "
        f"imports, was edited, and cannot be taken from there: {why}. Reload what was edited "
        f"(importlib.reload), then {edit.module}, and make it again"
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
