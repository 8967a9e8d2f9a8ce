"""Functions that travel by value follow edits of their modules."""

import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.code import definitions, functions, signatures, values
from picloud.code.modules.loaded_sources import LoadedSources
from picloud.code.renewals import Outdated

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

def make_class():
    class Local:
        size = 1
        def get(self): return self.size + K
    return Local
Local = make_class()

def replaced():
    def inner(): return 1
    inner.__code__ = inner.__code__.replace(co_consts=(None, 7))
    return inner

def scaled(by):
    n = [by]
    def scale(x, by=n): return x * by[0]
    return scale
"""


class Program:
    """Holds what a module has made, and sends it to a process that imports the module anew."""

    def __init__(self, root: Path) -> None:
        self.file = root / "held_module.py"
        self.edits = LoadedSources()
        self.file.write_text(MODULE)
        self.module: Any = importlib.import_module("held_module")

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def sent(self, item: object) -> tuple[bytes, values.Notes]:
        notes = values.Notes(edits=self.edits)
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
        (lambda m: m.scaled(1), "by=n)", "by=[*n])", "there it has another default, by=[*n]"),
        (lambda m: m.adder(1), "K = 1", "K = (", "was edited, and cannot be compiled"),
        (lambda m: m.pair()[0], "lambda x: x + 1, ", "", "it cannot be told from others"),
        (lambda m: m.pair()[0], "x + 1, lambda x: x + 2", "x + 2, lambda x: x + 3", "from others"),
        (lambda m: m.Local().get, "size = 1", "size = 2", "is in another class"),
        (lambda m: m.replaced(), "K = 1", "K = 2", "its code is not what the source has said"),
        (
            lambda m: m.adder(1),
            "    def add(",
            "    @plain_wrap\n    def add(",
            "it has other decorators there, or is in another class",
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


def test_once_reloaded_and_made_again_it_travels_as_it_is(program: Program) -> None:
    program.travels(program.module.adder(10))
    program.edit("x + n + K", "x + K")
    program.edit("more=0", "more=n")
    importlib.invalidate_caches()
    importlib.reload(program.module)
    assert program.travels(program.module.adder(10))(1) == 12


def test_what_stays_as_it_is_among_others_of_its_name_is_found_again(program: Program) -> None:
    first, second = program.module.pair()
    program.travels(first)
    program.edit("lambda x: x + 1, lambda x: x + 2", "lambda x: x, lambda x: x + 2, lambda x: 0")
    assert program.travels(second)(1) == 3
    with pytest.raises(values.Unpicklable):
        program.sent(first)


def test_what_the_program_has_wrapped_around_a_decorated_function_stays(program: Program) -> None:
    def times_100(function: Any) -> Any:
        return lambda *args: function(*args) * 100

    program.module.wrapped = times_100(program.module.wrapped)
    assert program.travels(program.module.wrapped)(1) == 10_200
    program.edit("K = 1", "K = 2")
    assert program.travels(program.module.wrapped)(1) == 10_300


def test_code_that_was_replaced_travels_as_long_as_nobody_edits(program: Program) -> None:
    assert program.travels(program.module.replaced())() == 7
    assert program.travels(program.module.replaced())() == 7


def test_a_module_that_something_has_brought_up_to_date_is_as_new(program: Program) -> None:
    program.travels(program.module.adder(10))
    program.edit("x + n", "x - n")
    program.module.K = 5
    text = program.file.read_text()
    [new] = definitions.read(text.encode(), str(program.file))["adder"]
    program.module.adder.__code__ = new.code
    assert program.travels(program.module.adder(10))(1) == -4
    assert program.travels(program.module.wrapped)(1) == 106


def test_a_pickle_of_a_cloud_that_follows_no_edits_is_not_taken_for_one_that_does(
    program: Program,
) -> None:
    adder = program.module.adder(10)
    functions.pack(adder)
    assert functions.kept(adder, program.edits) is None
    followed = functions.pack(adder, edits=program.edits)
    assert functions.kept(adder) is followed


def test_arguments_are_checked_as_the_module_is_now(program: Program) -> None:
    program.edit("def recursive():", "def recursive(more):")
    recursive = program.module.recursive
    with pytest.raises(TypeError, match="takes 0 positional arguments but 1 was given"):
        recursive(1)
    signatures.check_again(recursive, (1,), {}, TypeError("as it was"))
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        signatures.check_again(recursive, (1, 2), {}, TypeError("as it was"))
    with pytest.raises(TypeError, match="as it was"):
        signatures.check_again(program.module.adder, (), {}, TypeError("as it was"))


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
    assert notes.version is None


def test_a_kept_pickle_of_what_is_held_is_looked_at_again(program: Program) -> None:
    adder = program.module.adder(10)
    packed = functions.pack(adder, edits=program.edits)
    assert functions.kept(adder, program.edits) is packed
    program.edit("x + n", "x - n")
    assert functions.kept(adder, program.edits) is None
    assert program.received(functions.pack(adder, edits=program.edits).code)(1) == -8
