"""Source lines that travel with functions, so that a traceback can show them anywhere.

A function that travels by value comes from a file that the other side does not have, or has in
another version. cloudpickle drops the file's name; here the name and the function's own lines go
along, and are put where Python looks for them when it prints a traceback.
"""

import linecache
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

MAX_LINES = 2000
"""Of one function; the lines of a longer one stay at home."""

_reduce_code: Callable[[types.CodeType], tuple[Any, ...]]
_reduce_code = cloudpickle.Pickler.dispatch_table[types.CodeType]


def reduce_code(code: types.CodeType) -> tuple[Any, ...]:
    """Pickle a code object with its file's name and its lines."""
    make, arguments, *rest = _reduce_code(code)
    if rest:
        raise NotImplementedError("cloudpickle pickles code in a way that is not known here")
    return _make_code, (make, arguments, code.co_filename, code.co_firstlineno, lines_of(code))


def lines_of(code: types.CodeType) -> list[str]:
    """The source lines of a function, without those of functions inside it that come after."""
    numbers = [number for _, _, number in code.co_lines() if number]
    first, last = code.co_firstlineno, max(numbers, default=0)
    if not 0 < first <= last < first + MAX_LINES:
        return []
    return linecache.getlines(code.co_filename)[first - 1 : last]


def _make_code(
    make: Callable[..., types.CodeType],
    arguments: tuple[Any, ...],
    filename: str,
    first: int,
    lines: list[str],
) -> types.CodeType:
    if lines:
        remember_lines(filename, first, lines)
    return make(*arguments).replace(co_filename=filename)


def remember_lines(filename: str, first: int, lines: list[str]) -> None:
    """Lay these lines over what is known of the file, from the given line number on."""
    known = linecache.getlines(filename)
    if known[first - 1 : first - 1 + len(lines)] == lines:
        return
    merged = [*known, *["\n"] * (first - 1 - len(known))]
    merged[first - 1 : first - 1 + len(lines)] = lines
    # An entry without a modification time is never compared with a file.
    linecache.cache[filename] = (sum(map(len, merged)), None, merged, filename)
