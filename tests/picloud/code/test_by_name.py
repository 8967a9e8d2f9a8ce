"""What is found by its name in a class of a module, and not by its qualified name."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from picloud.code import values

MODULE = """
import functools

V = {value}

def as_it_is(function):
    return functools.wraps(function)(lambda *args: function(*args))

class Model:
    @classmethod
    def plain(cls, x):
        return cls.__name__, x + V

    @classmethod
    @as_it_is
    def wrapped(cls, x):
        return x + V

    @classmethod
    @functools.cache
    def cached(cls, x):
        return x + V

    def __private(self, x):
        return x + V

    @classmethod
    def __hidden(cls, x):
        return x + V

    def private(self):
        return self.__private

    def hidden(self):
        return self.__hidden

    class _Inner:
        def __deep(self, x):
            return x + V

        def deep(self):
            return self.__deep

class Sub(Model):
    pass

double = also_double = lambda x: 2 * x + V
remembered = functools.cache(lambda x: x + V)

def __getattr__(name):
    raise ImportError(name)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "held.py").write_text(MODULE.format(value=1))
    monkeypatch.delitem(sys.modules, "held", raising=False)
    return importlib.import_module("held")


@pytest.mark.parametrize(
    "take",
    [
        lambda m: m.Model.plain,
        lambda m: m.Sub.plain,
        lambda m: m.Model().plain,
        lambda m: m.Model.wrapped,
        lambda m: m.Model.cached,
        lambda m: m.Model().private(),
        lambda m: m.Sub().private(),
        lambda m: m.Model().hidden(),
        lambda m: m.Model._Model__private,
        lambda m: m.Model._Inner().deep(),
        lambda m: m.double,
        lambda m: m.remembered,
    ],
)
def test_methods_and_lambdas_of_modules_travel_by_name(module: Any, take: Any) -> None:
    method = take(module)
    notes = values.Notes()
    data = values.dumps([method], notes)
    [back] = values.loads(data)
    assert getattr(back, "__func__", back) is getattr(method, "__func__", method)
    assert type(getattr(back, "__self__", None)) is type(getattr(method, "__self__", None))
    assert b"co_code" not in data
    assert len(data) < 200
    assert notes.roots == {"held"}


@pytest.mark.parametrize(
    "name", ["json", "collections.abc", "math", "itertools", "sys", "picloud.errors", "cloudpickle"]
)
def test_what_every_worker_has_is_no_root(name: str) -> None:
    loaded = importlib.import_module(name)
    notes = values.Notes()
    values.dumps([loaded, lambda: loaded.__name__], notes)
    assert notes.roots == set()


@pytest.mark.parametrize("name", ["importlib.resources", "pkgutil"])
def test_what_looks_for_files_is_a_root_all_the_same(name: str) -> None:
    notes = values.Notes()
    values.dumps(importlib.import_module(name), notes)
    assert notes.roots == {name}


def test_own_modules_with_names_of_the_standard_library_are_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("this", "antigravity"):
        (tmp_path / f"{name}.py").write_text("def own(): pass")
        monkeypatch.delitem(sys.modules, name, raising=False)
    loaded = importlib.import_module("this")

    def imports_when_called() -> None:
        import antigravity  # noqa: F401

    notes = values.Notes()
    values.dumps([loaded.own, imports_when_called], notes)
    assert notes.roots == {"this", "antigravity"}


def test_one_of_a_class_made_on_the_spot_brings_the_class_by_value_only(module: Any) -> None:
    class Own(module.Model):  # type: ignore[misc]
        @classmethod
        def other(cls, x: int) -> int:
            return x + 2

    plain, other = values.loads(values.dumps([Own.plain, Own.other]))
    assert plain.__func__ is module.Model.plain.__func__
    assert plain(1) == ("Own", 2)
    assert other(1) == 3


def test_a_class_that_holds_a_method_of_its_own_bound_travels() -> None:
    class Own:
        @classmethod
        def make(cls) -> str:
            return cls.__name__

    Own.makers = [Own.make]  # type: ignore[attr-defined]
    assert values.loads(values.dumps([Own]))[0].makers[0]() == "Own"


def test_what_has_taken_the_place_of_a_method_does_not_stand_for_it(module: Any) -> None:
    before = module.Model.plain
    module.Model.plain = classmethod(lambda cls, x: 5)
    assert values.loads(values.dumps([before]))[0](1) == ("Model", 2)


def test_so_does_not_a_lambda_that_the_module_has_lost_or_was_given(module: Any) -> None:
    del module.__getattr__
    lost, module.double, module.also_double = module.double, 0, 0
    module.given = lambda x: x + 7
    for function, expected in ((lost, 3), (module.given, 8)):
        data = values.dumps([function])
        assert b"_make_function" in data, "it travels by value"
        assert values.loads(data)[0](1) == expected


def test_nor_does_a_lambda_of_a_module_without_a_file() -> None:
    made = types.ModuleType("made_in_memory")
    exec("double = lambda x: 2 * x", vars(made))
    assert values.loads(values.dumps([made.double]))[0](4) == 8
