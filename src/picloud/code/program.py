"""What the program's own source takes from modules: `from settings import RATE as rate`.

A number does not tell where it comes from, but the statement does that gave it its name. It is
read in the source of the program, be that a file, the text after `-c`, or what was typed at a
prompt or into the cells of a notebook.
"""

import ast
import dis
import linecache
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from picloud.code.imports import Import, modules_meant

Taken = frozenset[tuple[str, str]]
"""Modules, and the names in them: where a name of the program may come from."""

NOWHERE: Taken = frozenset()

_TYPED = "<python-input-"
"""How sources are called that were typed at a prompt, from Python 3.13 on."""


class Program:
    """Which names of the program are taken from modules.

    What it consists of is read once; only cells are added to it.
    """

    def __init__(self) -> None:
        self._read = 0
        self._taken: dict[str, Taken] = {}

    def taken(self, name: str) -> Taken:
        """Where this global name of the program may come from.

        It may be bound in another way later on, as by a condition. Of several cells that bind it
        the last one counts.
        """
        parts = _parts()
        if len(parts) < self._read:
            self._read, self._taken = 0, {}
        for part in parts[self._read :]:
            self._taken.update(_taken_in(part if isinstance(part, str) else part()))
        self._read = len(parts)
        return self._taken.get(name, NOWHERE)


Part = str | Callable[[], str]


def _parts() -> list[Part]:
    """What the program consists of, in the order in which it was run: sources, or how to get it."""
    main = vars(sys.modules["__main__"])
    cells = main.get("In")
    if isinstance(cells, list) and "get_ipython" in main:
        return list(map(str, cells))
    typed = [name for name in list(linecache.cache) if name.startswith(_TYPED)]
    return [partial(_begin, main), *(partial(_lines, name) for name in typed)]


def _lines(name: str) -> str:
    return "".join(linecache.getlines(name))


def _begin(main: dict[str, Any]) -> str:
    file = main.get("__file__")
    if isinstance(file, str):
        return _lines(file)
    text, count = sys.orig_argv, len(sys.argv)
    is_text = sys.argv[:1] == ["-c"] and text[-count - 1 : -count] == ["-c"]
    return text[-count] if is_text else ""


def _taken_in(source: str) -> dict[str, Taken]:
    """All names that a source binds, and where those come from that import statements bind."""
    if not source:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has given them already
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(source, "<program>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, set[tuple[str, str]]] = {}
    otherwise: set[str] = set()
    module, last = "", None
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for number, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            module = _absolute(steps[number - 2].argval, step.argval)
        elif step.opname in _STORES:
            if last is not None and last.opname == "IMPORT_FROM" and module:
                found.setdefault(step.argval, set()).add((module, last.argval))
            else:
                otherwise.add(step.argval)
        last = step
    return {name: frozenset(found.get(name, NOWHERE)) for name in found.keys() | otherwise}


_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"})


def _absolute(level: int, module: str) -> str:
    package = vars(sys.modules["__main__"]).get("__package__") or ""
    return next(iter(modules_meant(Import(module, (), level), package)), "")
