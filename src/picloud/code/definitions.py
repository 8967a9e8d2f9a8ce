"""The functions that a source defines, with what is around their code: defaults and decorators."""

import ast
import types
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

from picloud.code.by_name import found, is_own_name

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Definition:
    """A function in a source.

    Attributes:
        code: its code.
    """

    def __init__(self, code: types.CodeType, node: _Function, around: ast.ClassDef | None) -> None:
        self.code = code
        self._node = node
        self._around = around

    @cached_property
    def text(self) -> str:
        """The same for functions that are written alike, wherever they are."""
        return ast.dump(self._node)

    @cached_property
    def class_text(self) -> str:
        """What is in the class around it, but for functions; empty if there is none."""
        if self._around is None:
            return ""
        parts = ast.iter_child_nodes(self._around)
        return "\n".join(ast.dump(each) for each in parts if not isinstance(each, _Function))

    @property
    def defaults(self) -> dict[str, ast.expr]:
        """Those of its parameters that have one, by their names."""
        args = self._node.args
        places = [*args.posonlyargs, *args.args]
        defaulted = places[len(places) - len(args.defaults) :]
        return {each.arg: it for each, it in zip(defaulted, args.defaults, strict=True)}

    @property
    def keyword_defaults(self) -> dict[str, ast.expr]:
        """Those of keyword-only parameters."""
        args = self._node.args
        pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        return {each.arg: it for each, it in pairs if it is not None}

    @property
    def decorators(self) -> list[ast.expr]:
        """What is around it, the outermost first."""
        return [] if isinstance(self._node, ast.Lambda) else self._node.decorator_list


@lru_cache(64)
def read(source: bytes, filename: str) -> dict[str, list[Definition]]:
    """All functions of a source by their qualified names, in their order.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is no text.
        RecursionError: it is nested too deeply.
        MemoryError: likewise.
    """
    nodes: dict[tuple[str, int], list[tuple[_Function, ast.ClassDef | None]]] = {}
    for node, around in _functions_in(ast.parse(source, filename)):
        nodes.setdefault(_place_of(node), []).append((node, around))
    definitions: dict[str, list[Definition]] = {}
    for code in _codes_in(compile(source, filename, "exec", dont_inherit=True)):
        there = nodes.get((code.co_name, code.co_firstlineno))
        if there:  # else it is a class or a comprehension
            # Several on one line are met in the order in which their codes are.
            place = there.pop(0) if len(there) > 1 else there[0]
            definitions.setdefault(code.co_qualname, []).append(Definition(code, *place))
    return definitions


def edited(function: Any) -> Definition | None:
    """How a function of a module is defined in its file by now; None if that says the same."""
    if type(function) is not types.FunctionType:
        return None
    code, module = function.__code__, function.__globals__.get("__name__", "")
    if not is_own_name(module) or found(module, "__file__") != code.co_filename:
        return None
    try:
        with open(code.co_filename, "rb") as file:
            now = read(file.read(), code.co_filename).get(code.co_qualname, [])
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return now[0] if len(now) == 1 and now[0].code != code else None


def literal(expression: ast.expr) -> Any:
    """What an expression of literals comes to.

    Raises:
        ValueError: it is another one.
    """
    try:
        return ast.literal_eval(expression)
    except (TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error


def same(one: list[ast.expr], other: list[ast.expr]) -> bool:
    """True for expressions that are written alike."""
    return list(map(ast.dump, one)) == list(map(ast.dump, other))


def alike(one: types.CodeType, other: types.CodeType) -> bool:
    """True for code that does the same, wherever it stands in its file."""
    return _without_lines(one) == _without_lines(other)


def _without_lines(code: types.CodeType) -> types.CodeType:
    constants = tuple(
        _without_lines(each) if isinstance(each, types.CodeType) else each
        for each in code.co_consts
    )
    return code.replace(co_firstlineno=1, co_linetable=b"", co_consts=constants)


def called_name(expression: ast.expr) -> str:
    """The last name of a decorator: `timed` of `@tools.timed(3)`; empty if there is none."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _functions_in(tree: ast.Module) -> Iterator[tuple[_Function, ast.ClassDef | None]]:
    """In the order in which they are written, each with the class that it is a method of."""
    line: list[tuple[ast.AST, ast.ClassDef | None]] = [(tree, None)]
    while line:
        node, around = line.pop()
        if isinstance(node, _Function):
            yield node, around
            around = None
        elif isinstance(node, ast.ClassDef):
            around = node
        line += [(each, around) for each in reversed(list(ast.iter_child_nodes(node)))]


def _place_of(node: _Function) -> tuple[str, int]:
    """The name and the first line of its code, which is that of a decorator if there is one."""
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    return node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from _codes_in(each)
