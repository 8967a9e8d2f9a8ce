"""Where a file defines a function."""

import ast
import os
import stat
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from picloud.code.parsing import parsed

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def definition(file: str, name: str) -> Definition | None:
    """The `def` of a qualified name in a source file, without what it runs.

    None where there is none, or where something else may bind the name as well.
    """
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):  # to open a pipe would be to wait for somebody who writes
        return None
    return _definitions(file, found.st_mtime_ns, found.st_size).get(name)


@lru_cache(64)
def _definitions(file: str, _written: int, _size: int) -> dict[str, Definition]:
    try:
        with open(file, "rb") as source:
            module = parsed(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    bound_elsewhere = {
        name for node in ast.walk(module) if isinstance(node, ast.Global) for name in node.names
    }
    found: dict[str, Definition] = {}
    _add(module, "", found)
    return {
        name: node for name, node in found.items() if name.partition(".")[0] not in bound_elsewhere
    }


def _add(place: ast.Module | ast.ClassDef, above: str, found: dict[str, Definition]) -> None:
    times = Counter(name for node in _in_scope(place) for name in _bound_by(node))
    for node in place.body:
        if isinstance(node, Definition | ast.ClassDef) and times[node.name] == 1:
            if isinstance(node, ast.ClassDef):
                _add(node, f"{above}{node.name}.", found)
            else:
                node.body = []
                found[above + node.name] = node


def _in_scope(place: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    """All that a module or a class body runs itself."""
    rest: list[ast.AST] = [*place.body]
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
