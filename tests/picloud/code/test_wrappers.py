"""Decorated functions of modules travel by name without `functools.wraps`, where that is safe."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from picloud.code import values

TOOLS = """
def plain(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def doubled(function):
    return lambda *args: 2 * function(*args)

def retry(times, on=ValueError):
    def decorate(function):
        def wrapper(*args):
            for _ in range(times):
                try:
                    return function(*args)
                except on:
                    pass
        return wrapper
    return decorate

def asked(function):
    async def wrapper(*args):
        return function(*args)
    wrapper.__wrapped__ = function
    return wrapper

def seen(function):
    return function

def counted(function):
    count = 0
    def wrapper(*args):
        nonlocal count
        count += 1
        return function(*args) + count
    return wrapper

def remembered(function):
    known = {}
    def wrapper(x):
        return known.setdefault(x, function(x))
    return wrapper

def default(function):
    def wrapper(x, known={}):
        return known.get(x) or function(x)
    return wrapper

def tuned(function):
    def wrapper(x):
        return function(x) * wrapper.scale
    wrapper.scale = 1
    return wrapper

class App:
    @staticmethod
    def task(function):
        def wrapper(*args):
            return function(*args)
        return wrapper
"""

MODULE = """
import functools
import tools
from tools import asked, plain, seen as looked_at

V = 1

def own(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def bare(x):
    return x + V

@plain
def one(x):
    return x + V

@own
def of_its_own(x):
    return x + V

@looked_at
@tools.doubled
@plain
def two(x):
    return x + V

@tools.retry(3, on=(KeyError, ValueError))
def retried(x):
    return x + V

@asked
def asked_for(x):
    return x + V

@tools.App.task
def task(x):
    return x + V

@plain
@functools.cache
def cached(x):
    return x + V

class Model:
    @plain
    def method(self, x):
        return x + V

    @plain
    def __private(self, x):
        return x + V

    @staticmethod
    @plain
    def static(x):
        return x + V

    @classmethod
    @plain
    def of_class(cls, x):
        return x + V

    def private(self):
        return self.__private

class Sub(Model):
    pass

@tools.counted
def counts(x):
    return x + V

@tools.remembered
def remembers(x):
    return x + V

@tools.default
def has_default(x):
    return x + V

@tools.tuned
def tunes(x):
    return x + V

@looked_at
def only_looked_at(x):
    return x + V
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, text in (("tools", TOOLS), ("wrapped", MODULE)):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("wrapped")


def is_by_name(function: Any) -> bool:
    data = values.dumps([function])
    [back] = values.loads(data)
    is_same = getattr(back, "__func__", back) is getattr(function, "__func__", function)
    assert is_same is (b"_make_function" not in data)
    return is_same


@pytest.mark.parametrize(
    "take",
    [
        lambda m: m.one,
        lambda m: m.of_its_own,
        lambda m: m.two,
        lambda m: m.retried,
        lambda m: m.asked_for,
        lambda m: m.task,
        lambda m: m.Model.method,
        lambda m: m.Model().method,
        lambda m: m.Sub().method,
        lambda m: m.Model().private(),
        lambda m: m.Model.static,
        lambda m: m.Sub.of_class,
    ],
)
def test_what_the_source_says_its_decorators_make_goes_by_name(module: Any, take: Any) -> None:
    assert is_by_name(take(module))
    notes = values.Notes()
    values.dumps([take(module)], notes)
    assert notes.roots == {"wrapped"}


@pytest.mark.parametrize("name", ["counts", "remembers", "has_default", "tunes"])
def test_a_wrapper_that_holds_more_travels_with_it(module: Any, name: str) -> None:
    function = getattr(module, name)
    function(1)
    assert not is_by_name(function)


@pytest.mark.parametrize(
    ("name", "put"),
    [
        ("bare", lambda m: m.own(m.bare)),
        ("bare", lambda m: m.plain(m.bare)),
        ("one", lambda m: m.plain(m.one)),
        ("one", lambda m: m.tools.doubled(m.one)),
        ("only_looked_at", lambda m: m.plain(m.only_looked_at)),
        ("one", lambda m: m.tools.doubled(m.one.__closure__[0].cell_contents)),
    ],
)
def test_what_a_program_has_put_there_travels_as_it_is(module: Any, name: str, put: Any) -> None:
    made = put(module)
    setattr(module, name, made)
    assert not is_by_name(made)
    assert values.loads(values.dumps([made]))[0](1) == made(1)


def test_so_does_what_a_program_has_taken_away(module: Any) -> None:
    taken = module.one
    assert is_by_name(taken)
    del module.one
    assert not is_by_name(taken)


def test_what_the_source_said_first_holds_after_an_edit(module: Any) -> None:
    assert is_by_name(module.one)
    assert not is_by_name(module.plain(module.bare))
    Path(module.__file__).write_text(MODULE.replace("@plain\n", ""))
    assert is_by_name(module.one)
    Path(module.__file__).write_text(MODULE + "broken(")
    assert is_by_name(module.one)


def test_an_unreadable_source_says_nothing(module: Any) -> None:
    Path(module.__file__).write_text("broken(")
    assert not is_by_name(module.one)


def test_nor_does_one_that_defines_the_function_twice(module: Any) -> None:
    Path(module.__file__).write_text(f"{MODULE}\ndef one(x): pass\n")
    assert not is_by_name(module.one)
