"""Parsing Python, whatever other threads do meanwhile."""

import ast

_ATTEMPTS = 50


def parsed(source: bytes) -> ast.Module:
    """Parse a source.

    Python counts the depth of what it parses for all threads together (CPython issue 106905). If
    one parses amid another, as can happen where garbage is collected, both may fail, but not again.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse` does.
        SystemError: Python fails again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)
