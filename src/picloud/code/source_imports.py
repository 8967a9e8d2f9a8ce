"""Which modules a source file may import.

It is read, never run. What is imported within `try: ... except ImportError` is optional: the code
goes on without it. A module that is imported by a computed name cannot be known; that a source
does so can.
"""

import ast
import re
from collections.abc import Iterator

from picloud.code.imports import Import
from picloud.statemachine import value

_TOLERANT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_LITERAL = re.compile(r"""\b(?:import_module|__import__)\(\s*["']([\w.]+)["']""")
_COMPUTED = re.compile(
    r"""\b(?:import_module|__import__)\((?!\s*["'][\w.]+["']\s*\))|\b(?:iter|walk)_modules\b"""
    r"|\b__path__\b|\bspec_from_file_location\b"
)
_DATA = re.compile(r"\b__file__\b|\bimportlib[._]resources\b|\bimport\s+resources\b|\bget_data\b")


@value
class Reading:
    """What a source says about what it needs.

    Attributes:
        computes_names: it imports modules by names that are computed.
        reads_data: it looks for files beside itself.
    """

    imports: list[Import]
    computes_names: bool
    reads_data: bool


NOTHING_READ = Reading([], False, False)


def read_source(source: bytes) -> Reading:
    """Read a module's source; one that is no Python imports nothing, as it cannot be imported."""
    try:
        text = source.decode("utf-8", "replace")
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return NOTHING_READ
    found = list(_statements(body, is_optional=False))
    found += [Import(name, (), 0, True) for name in _LITERAL.findall(text)]
    return Reading(found, bool(_COMPUTED.search(text)), bool(_DATA.search(text)))


def _statements(body: list[ast.stmt], *, is_optional: bool) -> Iterator[Import]:
    """The import statements, at whatever depth; expressions hold none."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, (), 0, is_optional)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import(node.module or "", names, node.level, is_optional)
        elif isinstance(node, ast.Try | ast.TryStar):
            tolerates = is_optional or any(map(_catches_import_error, node.handlers))
            yield from _statements(node.body, is_optional=tolerates)
            for handler in node.handlers:
                yield from _statements(handler.body, is_optional=is_optional)
            yield from _statements(node.orelse + node.finalbody, is_optional=is_optional)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                yield from _statements(case.body, is_optional=is_optional)
        else:
            for part in ("body", "orelse"):
                inner = getattr(node, part, None)
                if isinstance(inner, list):
                    yield from _statements(inner, is_optional=is_optional)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or getattr(kind, "id", "") in _TOLERANT for kind in kinds)
