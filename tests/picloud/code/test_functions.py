"""Packed functions: what the cache keeps, and that it is never stale."""

import functools
import gc
import json
import types
import xml.dom
from collections.abc import Callable
from typing import Any

import pytest

from picloud.code import functions, values
from picloud.code.functions import pack

SOURCE = """
import math
limit = 3
items = [1]
class Shape: size = 1
def helper(x): return x + 1
def plain(x): return x
def by_number(x): return x + limit
def by_helper(x): return helper(x)
def by_module(x): return math.floor(x)
def by_list(x): return x + len(items)
def by_class(x): return x + Shape.size
def by_default(x, y=1): return x + y
def by_mutable_default(x, y=[]): return x + len(y)
def by_keyword(x, *, y=1): return x + y
def by_missing(x): return x if x else later
def again(x): return again(x - 1) if x else 0
def annotated(x: int) -> "str | None": return x
def outer(n):
    def inner(x): return x + n
    def change(m):
        nonlocal n
        n = m
    return inner, change
"""


@pytest.fixture
def main() -> types.SimpleNamespace:
    """Functions as of a main program: they travel by value."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(SOURCE, namespace)
    return types.SimpleNamespace(space=namespace, **namespace)


def run(function: Callable[..., Any], *args: Any) -> Any:
    return values.loads(pack(function).code)(*args)


def is_kept(function: Any) -> bool:
    return pack(function) is pack(function)


@pytest.mark.parametrize(
    "name",
    ["plain", "by_number", "by_helper", "by_module", "by_default", "by_keyword", "by_missing"],
)
def test_a_function_of_things_that_never_change_is_pickled_once(main: Any, name: str) -> None:
    assert is_kept(getattr(main, name))


def test_a_recursive_and_an_annotated_function_are_pickled_once(main: Any) -> None:
    assert is_kept(main.again)
    assert is_kept(main.annotated)
    assert run(main.again, 3) == 0


@pytest.mark.parametrize("name", ["by_list", "by_class", "by_mutable_default"])
def test_a_function_of_things_that_change_is_pickled_each_time(main: Any, name: str) -> None:
    assert not is_kept(getattr(main, name))


def test_a_new_global_is_seen(main: Any) -> None:
    assert run(main.by_number, 1) == 4
    main.space["limit"] = 10
    assert run(main.by_number, 1) == 11


def test_a_global_that_was_missing_is_seen(main: Any) -> None:
    pack(main.by_missing)
    main.space["later"] = 5
    assert run(main.by_missing, 0) == 5


def test_a_changed_list_or_class_is_seen(main: Any) -> None:
    assert (run(main.by_list, 0), run(main.by_class, 0)) == (1, 1)
    main.items.append(2)
    main.Shape.size = 7
    assert (run(main.by_list, 0), run(main.by_class, 0)) == (2, 7)


def test_new_code_and_new_defaults_are_seen(main: Any) -> None:
    assert (run(main.plain, 1), run(main.by_default, 1), run(main.by_keyword, 1)) == (1, 2, 2)
    main.plain.__code__ = main.helper.__code__
    main.by_default.__defaults__ = (10,)
    main.by_keyword.__kwdefaults__["y"] = 20
    assert (run(main.plain, 1), run(main.by_default, 1), run(main.by_keyword, 1)) == (2, 11, 21)


def test_a_change_of_a_helper_is_seen(main: Any) -> None:
    assert run(main.by_helper, 1) == 2
    main.helper.__code__ = main.plain.__code__
    assert run(main.by_helper, 1) == 1
    main.space["helper"] = lambda x: x + 100
    assert run(main.by_helper, 1) == 101


def test_a_changed_closure_is_seen(main: Any) -> None:
    inner, change = main.outer(1)
    assert is_kept(inner)
    assert run(inner, 1) == 2
    change(5)
    assert run(inner, 1) == 6
    assert not is_kept(main.outer([1])[0])


def test_a_new_attribute_is_seen(main: Any) -> None:
    before = pack(main.plain)
    main.plain.mark = 1
    assert pack(main.plain).digest != before.digest
    assert values.loads(pack(main.plain).code).mark == 1


def test_a_submodule_loaded_later_is_seen() -> None:
    space: dict[str, Any] = {"__name__": "__main__", "xml": xml}
    exec("def f(x): return xml.dom.Node is not None", space)
    assert run(space["f"], 1)
    assert is_kept(space["f"])


def test_equal_functions_have_equal_digests() -> None:
    def make() -> Callable[[], int]:
        return lambda: 1

    assert pack(make()).digest == pack(make()).digest


def test_the_cache_forgets_functions_that_are_gone(main: Any) -> None:
    gc.collect()
    before = len(functions._cache)
    inner, _ = main.outer(1)
    pack(inner)
    assert len(functions._cache) == before + 1
    del inner, _
    gc.collect()
    assert len(functions._cache) == before


def test_a_name_tells_where_the_function_is() -> None:
    name = functions.name_of(test_a_name_tells_where_the_function_is)
    module, _, place = name.partition(" at ")
    assert module == f"{__name__}.test_a_name_tells_where_the_function_is"
    assert place.startswith(f"{__file__}:")
    assert functions.name_of(functools.partial(json.dumps)).startswith("partial_of_json.dumps at ")
    assert functions.name_of(len) == "builtins.len"


@pytest.mark.parametrize("wrong", [None, 1, "f"])
def test_what_is_not_callable_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be callable"):
        pack(wrong)


def test_a_chunk_of_calls_gives_the_list_of_results() -> None:
    assert functions.run_chunk(divmod, [(7, 2), (9, 4)]) == [(3, 1), (2, 1)]


class Handle:
    """Says which jobs it stands for, as `Job` does."""

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return "here", ((3, 5),)


def test_the_handles_that_a_function_names_are_noted() -> None:
    handle = Handle()
    packed = functions.pack(lambda: handle)
    assert (packed.handles, packed.origins) == ([3, 5], {"here": 3})
    packed = functions.pack(lambda: 1)
    assert (packed.handles, packed.origins) == (None, None)
