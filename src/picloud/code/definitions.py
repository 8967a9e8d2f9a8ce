"""The functions that a source defines, with what is around their code: defaults and decorators."""

import ast
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from picloud.statemachine import value

_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@value
class Expression:
    """A piece of source; equal ones say the same.

    Attributes:
        text: the expression, in one spelling.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def is_literal(self) -> bool:
        """True if all of it is literals."""
        try:
            self.value()
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return False
        return True

    def value(self) -> Any:
        """What an expression of literals comes to."""
        return ast.literal_eval(self.text)


@value
class Definition:
    """A function in a source.

    Attributes:
        code: its code.
        defaults: those of its parameters that have one, by their names.
        keyword_defaults: those of keyword-only parameters.
        decorators: what is around it.
    """

    code: types.CodeType
    defaults: dict[str, Expression]
    keyword_defaults: dict[str, Expression]
    decorators: list[Expression]


@lru_cache(64)
def read(source: bytes, filename: str) -> dict[str, list[Definition]]:
    """All functions of a source by their qualified names, in their order.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is no text.
    """
    nodes: dict[tuple[str, int], list[_Node]] = {}
    for node in ast.walk(ast.parse(source, filename)):
        if isinstance(node, _Node):
            nodes.setdefault(_place_of(node), []).append(node)
    definitions: dict[str, list[Definition]] = {}
    for code in _codes_in(compile(source, filename, "exec", dont_inherit=True)):
        there = nodes.get((code.co_name, code.co_firstlineno))
        if there:  # else it is a class or a comprehension
            # Several on one line are met in the order in which their codes are.
            node = there.pop(0) if len(there) > 1 else there[0]
            definitions.setdefault(code.co_qualname, []).append(_definition(code, node))
    return definitions


def _definition(code: types.CodeType, node: _Node) -> Definition:
    args = node.args
    places = [*args.posonlyargs, *args.args]
    defaulted = places[len(places) - len(args.defaults) :]
    keywords = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return Definition(
        code,
        {each.arg: _expression(it) for each, it in zip(defaulted, args.defaults, strict=True)},
        {each.arg: _expression(it) for each, it in keywords if it is not None},
        list(map(_expression, decorators)),
    )


def _expression(node: ast.expr) -> Expression:
    return Expression(ast.unparse(node))


def _place_of(node: _Node) -> tuple[str, int]:
    """The name and the first line of its code, which is that of a decorator if there is one."""
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    return node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from _codes_in(each)
