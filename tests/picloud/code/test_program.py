"""Which names of a program come from which modules, by its own source."""

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.code.program import Program

MANY = "\n".join(f"n{n} = {n}" for n in range(300))

SOURCES: dict[str, tuple[str, set[tuple[str, str]]]] = {
    # what it is: a source, and where its RATE may come from
    "an import": ("from settings import RATE", {("settings", "RATE")}),
    "an import among others": (
        "from settings import A, RATE, B as C\nimport os",
        {("settings", "RATE")},
    ),
    "another name": ("from settings import SPEED as RATE", {("settings", "SPEED")}),
    "behind hundreds of names": (f"{MANY}\nfrom a.b import RATE", {("a.b", "RATE")}),
    "a relative import": ("from .settings import RATE", {("app.settings", "RATE")}),
    "one of two": (
        "try:\n    from one import RATE\nexcept ImportError:\n    from two import RATE",
        {("one", "RATE"), ("two", "RATE")},
    ),
    "an import that is overruled later on": (
        "from settings import RATE\nif len('x') > 1:\n    RATE = 5",
        {("settings", "RATE")},
    ),
    "a star": ("from settings import *", {("settings", "RATE")}),
    "a star and an assignment": ("from settings import *\nRATE = 1", set()),
    "a cell that awaits": ("from settings import RATE\nawait other", {("settings", "RATE")}),
    "an assignment": ("RATE = 1", set()),
    "an attribute": ("import settings\nRATE = settings.RATE", set()),
    "an import of its module only": ("import settings", set()),
    "an import inside a function": ("def f():\n    from settings import RATE", set()),
    "the name as that of a module": ("import RATE", set()),
    "no Python": ("from settings import RATE\n(", set()),
    "nothing": ("", set()),
}

Run = Callable[..., Program]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Lets a program of this source, or of these cells, be the one that runs."""

    def begin(source: str | list[str]) -> Program:
        main: Any = type(sys)("__main__")
        main.__package__ = "app"
        if isinstance(source, str):
            file = tmp_path / "program.py"
            file.write_text(source)
            main.__file__ = str(file)
            linecache.checkcache()
        else:
            main.get_ipython, main.In = len, source
        monkeypatch.setitem(sys.modules, "__main__", main)
        return Program()

    return begin


@pytest.mark.parametrize("what", SOURCES)
def test_a_source_says_where_a_name_comes_from(run: Run, what: str) -> None:
    source, origins = SOURCES[what]
    assert run(source).taken("RATE") == origins
    assert run(["", source]).taken("RATE") == origins


def test_the_last_cell_that_binds_a_name_counts(run: Run) -> None:
    cells = ["", "RATE = 1"]
    program = run(cells)
    assert program.taken("RATE") == set()
    cells.append("from settings import RATE")
    assert program.taken("RATE") == {("settings", "RATE")}
    cells.append("RATE = 2")
    assert program.taken("RATE") == set()
    cells.append("from other import *")
    assert program.taken("RATE") == set()
    assert program.taken("SPEED") == {("other", "SPEED")}
    assert program.taken("_hidden") == set()


def test_a_text_after_c_is_the_source(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run([])
    text = "from settings import RATE"
    monkeypatch.setattr(sys, "argv", ["-c", "more"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-I", "-c", text, "more"])
    assert Program().taken("RATE") == {("settings", "RATE")}


def test_without_a_source_nothing_is_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run([])
    monkeypatch.setattr(sys, "argv", [""])
    monkeypatch.setattr(sys, "orig_argv", ["python"])
    assert Program().taken("RATE") == set()
