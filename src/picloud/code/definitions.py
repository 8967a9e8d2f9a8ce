"""Where a file defines a function."""

import ast
import os
from typing import Any

from picloud.code.parsing import parsed

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def definition(file: str, name: str) -> Definition | None:
    """The one `def` of a qualified name in a source file; None if there is none, or several."""
    if not os.path.isfile(file):  # to open a pipe would be to wait for somebody who writes
        return None
    try:
        with open(file, "rb") as source:
            place: Any = parsed(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for part in name.split("."):
        named = [each for each in getattr(place, "body", ()) if getattr(each, "name", "") == part]
        if len(named) != 1:
            return None
        (place,) = named
    return place if isinstance(place, Definition) else None
