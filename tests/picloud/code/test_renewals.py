"""Functions that travel by value follow edits of their modules."""

import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.code import functions, values
from picloud.code.modules.edits import Edits
from picloud.code.renewals import Edit, Outdated, Seen

MODULE = """
K = 1
def plain_wrap(function):
    def wrapper(*args): return function(*args) + 100
    return wrapper

@plain_wrap
def wrapped(x): return x + K

def adder(n):
    def add(x, more=0, *, last=0): return x + n + K + more + last
    return add

def recursive():
    def rec(n): return 1 if n < 2 else n * rec(n - 1)
    return rec

def pair(): return [lambda x: x + 1, lambda x: x + 2]

def half_made():
    def early(): return late()
    held = early
    if False: late = None
    return held

class Model:
    @plain_wrap
    def method(self, x): return x + K

def scaled(by):
    n = [by]
    def scale(x, by=n): return x * by[0]
    return scale
"""


class Program:
    """Holds what a module has made, and sends it to a process that imports the module anew."""

    def __init__(self, root: Path) -> None:
        self.file = root / "held_module.py"
        self.edits = Edits()
        self.file.write_text(MODULE)
        self.module: Any = importlib.import_module("held_module")

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def sent(self, item: object) -> tuple[bytes, values.Notes]:
        notes = values.Notes(look=self.edits.look)
        return values.dumps(item, notes), notes

    def received(self, data: bytes) -> Any:
        here = sys.modules.pop("held_module")
        importlib.invalidate_caches()
        try:
            return values.loads(data)
        finally:
            sys.modules["held_module"] = here

    def travels(self, item: object) -> Any:
        return self.received(self.sent(item)[0])


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "held_module", raising=False)
    return Program(tmp_path)


Use = Callable[[Any], object]


@pytest.mark.parametrize(
    ("take", "use", "old", "new", "before", "after"),
    [
        (
            lambda m: m.wrapped,
            lambda f: f(1),
            "return x + K\n\ndef",
            "return x + 9\n\ndef",
            102,
            110,
        ),
        (lambda m: m.wrapped, lambda f: f(1), "+ 100", "+ 200", 102, 202),
        (lambda m: m.wrapped, lambda f: f(1), "K = 1", "K = 2", 102, 103),
        (lambda m: m.Model().method, lambda f: f(1), "K = 1", "K = 2", 102, 103),
        (lambda m: m.adder(10), lambda f: f(1), "x + n", "x - n", 12, -8),
        (lambda m: m.adder(10), lambda f: f(1), "more=0", "more=5", 12, 17),
        (lambda m: m.adder(10), lambda f: f(1), "last=0", "last=5", 12, 17),
        (lambda m: m.adder(10), lambda f: f(1), "more=0, ", "", 12, None),
        (lambda m: m.recursive(), lambda f: f(4), "n * rec", "n + rec", 24, 10),
        (lambda m: m.pair()[0], lambda f: f(1), "x + 1,", "x + 7,", 2, 8),
        (lambda m: m.pair()[1], lambda f: f(1), "x + 1,", "x + 7,", 3, 3),
        (lambda m: m.scaled(3), lambda f: f(2), "x * by", "x + by", 6, 5),
    ],
)
def test_what_is_held_is_as_the_module_is_now(
    program: Program, take: Use, use: Use, old: str, new: str, before: object, after: object
) -> None:
    item = take(program.module)
    assert use(program.travels(item)) == before
    program.edit(old, new)
    if after is not None:
        assert use(program.travels(item)) == after
    program.edit(new, old) if new else program.file.write_text(MODULE)
    assert use(program.travels(item)) == before


def test_an_edit_before_the_first_look_shows_in_the_code(program: Program) -> None:
    adder = program.module.adder(10)
    program.edit("x + n", "x - n")
    assert program.travels(adder)(1) == -8


def test_a_function_with_a_new_decorator_goes_by_its_name(program: Program) -> None:
    program.travels(program.module.wrapped)
    program.edit("@plain_wrap\ndef wrapped", "@plain_wrap\n@plain_wrap\ndef wrapped")
    assert program.travels(program.module.wrapped)(1) == 202


def test_its_module_is_a_root_once_it_was_edited(program: Program) -> None:
    adder = program.module.adder(10)
    _, notes = program.sent(adder)
    assert notes.roots == set()
    program.edit("K = 1", "K = 2")
    _, notes = program.sent(adder)
    assert notes.roots == {"held_module"}


def test_what_is_not_filled_yet_stays_so(program: Program) -> None:
    early = program.module.half_made()
    program.travels(early)
    program.edit("return late()", "return late() + 1")
    with pytest.raises(NameError):
        program.travels(early)()


@pytest.mark.parametrize(
    ("take", "old", "new", "why"),
    [
        (lambda m: m.adder(1), "def add(", "def plus(", "it is not there any more"),
        (lambda m: m.adder(1), "x + n + K", "x + K", "it captures other variables there"),
        (
            lambda m: m.pair()[0],
            "lambda x: x + 1,",
            "lambda x: x + 1, lambda x: x,",
            "it cannot be told from others of that name",
        ),
        (lambda m: m.scaled(1), "by=n)", "by=[*n])", "there it has another default by=[*n]"),
        (
            lambda m: m.adder(1),
            "    def add(",
            "    @plain_wrap\n    def add(",
            "it has other decorators there",
        ),
    ],
)
def test_what_cannot_be_brought_up_to_date_is_refused(
    program: Program, take: Use, old: str, new: str, why: str
) -> None:
    item = take(program.module)
    program.travels(item)
    program.edit(old, new)
    with pytest.raises(values.Unpicklable) as refused:
        program.sent({"key": item})
    assert why in str(refused.value)
    assert isinstance(refused.value.__cause__, Outdated)


def test_what_is_no_python_any_more_is_refused(program: Program) -> None:
    def look(module: str) -> Seen:
        return Seen(b"state", edit=Edit(module, b"K = (", MODULE.encode()))

    with pytest.raises(values.Unpicklable, match="was edited, and cannot be compiled"):
        values.dumps(program.module.adder(1), values.Notes(look=look))


def test_once_reloaded_and_made_again_it_travels_as_it_is(program: Program) -> None:
    program.travels(program.module.adder(10))
    program.edit("x + n + K", "x + K")
    program.edit("more=0", "more=n")
    importlib.invalidate_caches()
    importlib.reload(program.module)
    assert program.travels(program.module.adder(10))(1) == 12


def test_state_of_a_module_travels_along_as_long_as_nobody_edits(program: Program) -> None:
    adder = program.module.adder(10)
    program.module.K = 5
    assert program.travels(adder)(1) == 16
    assert program.travels(adder)(1) == 16


def test_what_other_code_has_made_stays_as_it_is(program: Program) -> None:
    exec("def outer():\n    def adder(x): return x + K\n    return adder", vars(program.module))
    adder = program.module.outer()
    assert program.travels(adder)(1) == 2
    program.edit("K = 1", "K = 2")
    assert program.travels(adder)(1) == 2


def test_a_function_that_the_program_has_wrapped_stays_wrapped(program: Program) -> None:
    adder = program.module.adder

    def wrapped(n: int) -> Any:
        return lambda x: adder(n)(x) * 1000

    program.module.adder = wrapped
    assert program.travels(wrapped)(10)(1) == 12_000
    program.edit("K = 1", "K = 2")
    assert program.travels(wrapped)(10)(1) == 13_000


def test_functions_of_the_program_and_of_others_are_not_looked_at(program: Program) -> None:
    main = types.FunctionType((lambda: 1).__code__, {"__name__": "__main__"})
    _, notes = program.sent([main, program.module.recursive, pytest.raises])
    assert notes.seen == {}


def test_a_kept_pickle_of_what_is_held_is_looked_at_again(program: Program) -> None:
    adder = program.module.adder(10)
    packed = functions.pack(adder, look=program.edits.look)
    assert functions.kept(adder, program.edits.look) is packed
    program.edit("x + n", "x - n")
    assert functions.kept(adder, program.edits.look) is None
    assert program.received(functions.pack(adder, look=program.edits.look).code)(1) == -8
