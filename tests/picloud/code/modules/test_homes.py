"""Where own modules have what knows no name of its own."""

import importlib
import sys
from typing import Any

import pytest

from picloud.code.modules.homes import Homes
from tests.support.projects import Project, make_module

LIB = """
def bare(function):
    def wrapper(*args):
        return function(*args)
    return wrapper
"""

MODULE = """
import functools
from types import FunctionType
from lib import bare

first = second = lambda: 1

def plain(): pass

@bare
def wrapped(): pass

half = functools.partial(plain)

class Plain:
    def plain(self): pass

    @bare
    def wrapped(self): pass

    @staticmethod
    @bare
    def static(): pass

    @classmethod
    @bare
    def of_class(cls): pass

    class Inner: pass

numbers = [1]
RATE = 1
once = None

def set_once():
    global once
    once = lambda: 2

set_once()
"""

PLACES = {
    "first": ["first", "second"],
    "wrapped": ["wrapped"],
    "half": ["half"],
    "Plain.wrapped": ["Plain.wrapped"],
    "Plain.static": ["Plain.static"],
    # These know their own names, may change, or are what a function sets.
    "plain": [],
    "bare": [],
    "Plain": [],
    "Plain.plain": [],
    "Plain.Inner": [],
    "FunctionType": [],
    "numbers": [],
    "once": [],
}


@pytest.mark.parametrize("what", PLACES)
def test_a_home_is_where_a_module_has_something_nameless(project: Project, what: str) -> None:
    mod = project.has({"lib.py": LIB, "mod.py": MODULE}).loads("mod")
    item = eval(what, vars(mod))
    assert Homes().of(item) == [("mod", name) for name in PLACES[what]]


def test_what_a_class_method_runs_has_a_home(project: Project) -> None:
    mod = project.has({"lib.py": LIB, "mod.py": MODULE}).loads("mod")
    assert Homes().of(mod.Plain.of_class.__func__) == [("mod", "Plain.of_class")]


def test_a_constant_has_the_homes_that_one_knows_of(project: Project) -> None:
    mod = project.has({"lib.py": LIB, "mod.py": MODULE}).loads("mod")
    homes = Homes()
    assert homes.are_there()
    assert homes.has(("mod", "RATE"), mod.RATE)
    assert not homes.has(("mod", "RATE"), 1000)
    assert not homes.has(("mod", "missing"), None)
    assert not homes.has(("mod", "once"), mod.once)
    assert not homes.has(("json", "decoder"), importlib.import_module("json").decoder)


def test_what_others_take_from_a_module_has_several(project: Project) -> None:
    project.has({"one.py": "f = lambda: 1", "two.py": "from one import f as g"})
    two = project.loads("two")
    assert sorted(Homes().of(two.g)) == [("one", "f"), ("two", "g")]


def test_what_the_program_puts_into_a_module_has_none(project: Project) -> None:
    mod = project.has({"mod.py": "f = lambda: 1"}).loads("mod")
    homes = Homes()
    assert homes.of(mod.f)
    mod.f = lambda: 2
    project.has({"later.py": ""}).loads("later")
    assert homes.of(mod.f) == []


def test_modules_that_are_loaded_later_or_again_have_homes(project: Project) -> None:
    project.has({"one.py": "f = lambda: 1", "two.py": "f = lambda: 2"})
    homes = Homes()
    assert homes.of(len) == []
    one = project.loads("one")
    assert homes.of(one.f) == [("one", "f")]
    importlib.reload(one)
    assert homes.of(one.f) == [("one", "f")]
    assert homes.of(project.loads("two").f) == [("two", "f")]
    del sys.modules["one"]
    assert homes.of(project.loads("one").f) == [("one", "f")]


def test_a_module_that_is_half_loaded_is_looked_at_again(project: Project) -> None:
    seen: list[Any] = []
    homes = Homes()
    make_module("observer").look = lambda item: seen.append(homes.of(item))  # type: ignore[attr-defined]
    text = "import observer\nf = lambda: 1\nobserver.look(f)\ng = lambda: 2"
    mod = project.has({"mod.py": text}).loads("mod")
    assert seen == [[("mod", "f")]]
    assert homes.of(mod.g) == [("mod", "g")]


def test_what_is_in_memory_only_or_installed_is_nobodys_home() -> None:
    unfiled: Any = make_module("unfiled")
    unfiled.f = lambda: 1
    try:
        assert Homes().of(unfiled.f) == []
    finally:
        del sys.modules["unfiled"]
