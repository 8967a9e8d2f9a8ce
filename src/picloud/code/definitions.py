"""Where a file defines a function."""

import ast
import os
from collections.abc import Iterator
from typing import Any

from picloud.code.parsing import parsed

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def definition(file: str, name: str) -> Definition | None:
    """The `def` of a qualified name in a source file; None where something else may bind it."""
    if not os.path.isfile(file):  # to open a pipe would be to wait for somebody who writes
        return None
    try:
        with open(file, "rb") as source:
            module = parsed(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    place: Any = module
    parts = name.split(".")
    for part in parts:
        named = [each for each in _in_scope(place) if part in _bound_by(each)]
        if len(named) != 1 or named[0] not in place.body:
            return None
        (place,) = named
        if not isinstance(place, _SCOPES):
            return None
    if any(isinstance(each, ast.Global) and parts[0] in each.names for each in ast.walk(module)):
        return None
    return place if isinstance(place, Definition) else None


def _in_scope(place: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    """All that a module or a class body runs itself."""
    rest: list[ast.AST] = [*getattr(place, "body", ())]
    while rest:
        node = rest.pop()
        yield node
        if not isinstance(node, _SCOPES):
            rest += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST) -> tuple[str, ...]:
    """The names that a node itself binds, or removes."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.alias):
        return (node.asname or node.name.partition(".")[0],)
    named = getattr(node, "name", None)  # a definition, an exception, what a pattern captures
    return (named,) if isinstance(named, str) else ()
