"""What the program's own source takes from modules: `from settings import RATE as rate`.

A number does not tell where it comes from, but the statement does that gave it its name. It is
read in the source of the program: a file, the text after `-c`, or the cells of a notebook. What is
typed at a prompt Python does not keep.
"""

import ast
import dis
import linecache
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from picloud.code.imports import Import, modules_meant

Taken = frozenset[tuple[str, str]]
"""Modules, and the names in them: where a name of the program may come from."""

NOWHERE: Taken = frozenset()

_STAR = "*"


class Program:
    """Which names of the program are taken from modules.

    Its file is read once; cells are read as they come.
    """

    def __init__(self) -> None:
        self._read = 0
        self._taken: dict[str, Taken] = {}
        self._stars: set[str] = set()

    def taken(self, name: str) -> Taken:
        """Where this global name of the program may come from.

        The program may also bind it in another way, as under a condition. Of several cells that
        bind it the last one counts.
        """
        sources = _cells() or self._file
        for source in sources[self._read :]:
            taken = _taken_in(source)
            self._stars |= {module for module, _ in taken.pop(_STAR, NOWHERE)}
            self._taken.update(taken)
        self._read = len(sources)
        found = self._taken.get(name)
        if found is None and self._stars and not name.startswith("_"):
            return frozenset((module, name) for module in self._stars)
        return found or NOWHERE

    @cached_property
    def _file(self) -> list[str]:
        main = vars(sys.modules["__main__"])
        file = main.get("__file__")
        if isinstance(file, str):
            return ["".join(linecache.getlines(file))]
        texts, count = sys.orig_argv, len(sys.argv)
        is_text = sys.argv[:1] == ["-c"] and texts[-count - 1 : -count] == ["-c"]
        return [texts[-count] if is_text else ""]


def _cells() -> list[Any]:
    """What was run in a notebook, in this order; nothing elsewhere."""
    main = vars(sys.modules["__main__"])
    cells = main.get("In")
    return cells if isinstance(cells, list) and "get_ipython" in main else []


def _taken_in(source: object) -> dict[str, Taken]:
    """All names that a source binds, and where those come from that import statements bind."""
    found: dict[str, Taken] = {}
    if isinstance(source, str):
        for name, origin in _bindings(source):
            found[name] = found.get(name, NOWHERE) | ({origin} if origin is not None else set())
    return found


def _bindings(source: str) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """The global names that a source binds, each with a module and its name there, if any."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has given them already
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(source, "<program>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    module = ""
    for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME":
            module = _absolute(level.argval, step.argval)
            if names.argval == (_STAR,):
                yield _STAR, (module, _STAR)
        elif step.opname in _STORES:
            is_taken = names.opname == "IMPORT_FROM"
            yield step.argval, (module, names.argval) if is_taken else None


_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"})


def _absolute(level: int, module: str) -> str:
    package = vars(sys.modules["__main__"]).get("__package__") or ""
    return next(iter(modules_meant(Import(module, (), level), package)), "")
