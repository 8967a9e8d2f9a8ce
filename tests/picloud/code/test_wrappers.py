"""Decorated functions of modules travel by name without `functools.wraps`, where that is safe."""

import contextlib
import gc
import importlib
import sys
import types
import weakref
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud.code import values
from tests.support.decorated import MODULE, TOOLS


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
        lambda m: m.cached,
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


@pytest.mark.parametrize(
    "name",
    [
        "counts",
        "counts_below",
        "counts_within",
        "defined_twice",
        "has_default",
        "has_number",
        "has_two",
        "is_chosen",
        "is_wrapped_perhaps",
        "asks",
        "breaks",
        "counts_from_its_default",
        "moves",
        "rebinds_what_it_was_given",
        "keeps",
        "made_anew",
        "marks",
        "notes",
        "remembers",
        "retried_as_often_as_is_said",
        "tunes",
    ],
)
def test_a_wrapper_of_which_more_must_be_known_travels_itself(module: Any, name: str) -> None:
    function = getattr(module, name)
    function(1)
    assert not is_by_name(function)
    assert values.loads(values.dumps([function]))[0](1) == function(1)


@pytest.mark.parametrize("take", [lambda m: m.Derived().method, lambda m: m.Hidden().method])
def test_so_does_that_of_a_class_in_which_it_is_not_found(module: Any, take: Any) -> None:
    assert not is_by_name(take(module))
    assert values.loads(values.dumps([take(module)]))[0](1) == 2


def test_odd_decorators_are_no_hindrance(module: Any) -> None:
    assert is_by_name(module.odd_above)


def test_what_a_program_has_set_of_a_wrapper_goes_with_it(module: Any) -> None:
    module.one.rate = 5
    assert values.loads(values.dumps([module.one]))[0].rate == 5
    module.own.__defaults__ = ()
    module.of_its_own.__defaults__ = (5,)
    assert values.loads(values.dumps([module.of_its_own]))[0].__defaults__ == (5,)


def test_so_does_one_that_has_reached_what_it_was_given(module: Any) -> None:
    for _ in range(4):
        with contextlib.suppress(ZeroDivisionError):
            module.breaks(-1)
        assert values.loads(values.dumps([module.breaks]))[0](1) == module.breaks(1)


def test_a_decorator_of_a_module_that_travels_by_value_does_so(module: Any) -> None:
    cloudpickle.register_pickle_by_value(module.tools)
    try:
        assert not is_by_name(module.one)
    finally:
        cloudpickle.unregister_pickle_by_value(module.tools)
    assert is_by_name(module.one)


def test_a_module_that_was_dropped_is_not_kept(module: Any) -> None:
    assert is_by_name(module.of_its_own)
    gone = weakref.ref(module.of_its_own)
    vars(module).clear()
    gc.collect()
    assert gone() is None


def test_modules_of_a_class_of_their_own_are_left_alone(module: Any) -> None:
    class Module(types.ModuleType):
        pass

    module.__class__ = Module
    assert not is_by_name(module.one)


@pytest.mark.parametrize(
    ("name", "put"),
    [
        ("bare", lambda m: m.own(m.bare)),
        ("bare", lambda m: m.plain(m.bare)),
        ("one", lambda m: m.plain(m.one)),
        ("one", lambda m: m.tools.doubled(m.one)),
        ("only_looked_at", lambda m: m.plain(m.only_looked_at)),
        ("one", lambda m: m.tools.doubled(m.one.__closure__[0].cell_contents)),
        ("retried", lambda m: m.tools.retry(5)(m.asked_for.__wrapped__)),
        ("one", lambda m: exec("@plain\ndef one(x): return x", vars(m)) or m.one),
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


def test_closures_that_hold_each_other_are_no_riddle() -> None:
    def made(depth: int) -> Any:
        if not depth:
            return lambda: made
        left, right, again = made(depth - 1), made(depth - 1), made(0)
        return lambda: (left, right, again)

    assert not is_by_name(made(9))
