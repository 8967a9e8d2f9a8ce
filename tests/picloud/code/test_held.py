"""What a pickle meets that a program holds of its own modules."""

import importlib
import types
from typing import Any

import cloudpickle
import pytest

from picloud.code import functions, values
from picloud.code.by_name import taken_from
from picloud.code.held import is_constant
from tests.support.projects import Project

LIB = """
def make(k):
    return lambda: k

def bare(function):
    def wrapper():
        return function()
    return wrapper

def kind(k):
    class Kind:
        size = k
    return Kind
"""

NAMELESS: dict[str, tuple[str, str]] = {
    # what it is: how a module makes it, and what is asked of it
    "a lambda": ("x = lambda: {n}", "x()"),
    "a closure": ("from lib import make\nx = make({n})", "x()"),
    "a wrapped function": ("from lib import bare\n@bare\ndef x(): return {n}", "x()"),
    "a class": ("from lib import kind\nx = kind({n})", "x.size"),
    "an object of such a class": ("from lib import kind\nx = kind({n})", "x().size"),
    "a partial": ("from functools import partial\nx = partial(int, '{n}')", "x()"),
    "an itemgetter": ("from operator import itemgetter\nx = itemgetter({n})", "x(range(9))"),
}


def travelled(item: Any, notes: values.Notes) -> Any:
    return values.loads(values.dumps(item, notes))


@pytest.mark.parametrize("what", NAMELESS)
def test_it_travels_as_it_is_until_its_module_is_edited(project: Project, what: str) -> None:
    text, question = NAMELESS[what]
    module = project.has({"lib.py": LIB, "mod.py": text.replace("{n}", "1")}).loads("mod")
    item, notes = module.x, values.Notes(None, project.edits)
    assert eval(question, {"x": travelled([item], notes)[0]}) == 1
    assert notes.held is not None
    assert notes.held.modules == {"mod": False}
    project.writes("mod.py", text.replace("{n}", "2") + "\n")
    notes = values.Notes(None, project.edits)
    payload = values.dumps([item], notes)
    assert notes.roots == {"mod"}
    importlib.reload(module)  # as a worker has it
    assert eval(question, {"x": values.loads(payload)[0]}) == 2


def test_without_a_look_for_edits_all_travels_as_it_is(project: Project) -> None:
    mod = project.has({"mod.py": "x = lambda: 1"}).loads("mod")
    assert not project.edits.is_edited("mod")
    project.writes("mod.py", "x = lambda: 22")
    notes = values.Notes()
    assert travelled(mod.x, notes)() == 1
    assert notes.roots == set()


def test_it_travels_by_the_module_that_others_take_it_from(project: Project) -> None:
    files = {"app.py": "from base import x", "base.py": "from lib import make\nx = make(1)"}
    app = project.has({**files, "lib.py": LIB}).loads("app")
    assert not project.edits.is_edited("base")
    project.writes("lib.py", LIB + "\n")
    notes = values.Notes(None, project.edits)
    values.dumps(app.x, notes)
    assert notes.roots == {"base"}


def test_what_a_module_has_no_more_travels_as_it_is(project: Project) -> None:
    mod = project.has({"mod.py": "x = lambda: 1"}).loads("mod")
    item, mod.x = mod.x, None
    assert not project.edits.is_edited("mod")
    project.writes("mod.py", "x = lambda: 22")
    assert travelled(item, values.Notes(None, project.edits))() == 1


def test_what_is_to_travel_by_value_does(project: Project) -> None:
    mod = project.has({"mod.py": "x = lambda: 1"}).loads("mod")
    assert not project.edits.is_edited("mod")
    project.writes("mod.py", "x = lambda: 22")
    cloudpickle.register_pickle_by_value(mod)
    try:
        assert travelled(mod.x, values.Notes(None, project.edits))() == 1
    finally:
        cloudpickle.unregister_pickle_by_value(mod)


def test_a_module_without_the_name_is_named(project: Project) -> None:
    project.has({"mod.py": ""})
    with pytest.raises(AttributeError, match=r"module mod has no 'x' since it was edited: put it"):
        taken_from("mod", "x")


@pytest.mark.parametrize("item", [1, 0.5, "x", b"x", None, True, (), (1, ("a", frozenset({2})))])
def test_a_constant_is_what_nobody_can_change(item: Any) -> None:
    assert is_constant(item)


@pytest.mark.parametrize("item", [[], {}, set(), ([],), object(), types.SimpleNamespace()])
def test_all_else_is_none(item: Any) -> None:
    assert not is_constant(item)


# ---------------------------------------------------------------------- functions are kept


def test_a_function_is_pickled_once_until_what_it_holds_is_edited(project: Project) -> None:
    mod = project.has({"mod.py": "x = lambda: 1"}).loads("mod")
    other = Project(project.root).edits
    before = functions.pack(mod.x, edits=project.edits)
    assert functions.pack(mod.x, edits=project.edits) is before
    assert functions.pack(mod.x, edits=other) is not before
    project.writes("mod.py", "x = lambda: 22")
    after = functions.pack(mod.x, edits=project.edits)
    assert (before.roots, after.roots) == (frozenset(), {"mod"})
    assert functions.pack(mod.x, edits=project.edits) is after
    item, mod.x = mod.x, None
    assert functions.pack(item, edits=project.edits).roots == frozenset()


def test_a_function_that_holds_nothing_is_the_same_whoever_looks(project: Project) -> None:
    project.has({"mod.py": ""}).loads("mod")

    def function() -> int:
        return 1

    before = functions.pack(function, edits=project.edits)
    assert functions.pack(function, edits=Project(project.root).edits) is before
    assert functions.pack(function) is before
