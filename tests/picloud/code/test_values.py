"""Values to bytes and back."""

import pickle
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.code import values
from picloud.protocol import limits

atoms = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
trees = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(st.tuples(inner), st.dictionaries(st.text(), inner))
    ),
    max_leaves=20,
)


@given(trees)
def test_a_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    back = values.loads(values.dumps(value))
    assert (back, type(back)) == (value, type(value))


def test_a_subclass_of_an_atom_keeps_its_class() -> None:
    class Metres(float):
        pass

    back = values.loads(values.dumps((Metres(2.5),)))[0]
    assert (type(back).__name__, back) == ("Metres", 2.5)


def test_functions_and_classes_made_on_the_spot_travel_by_value() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    function = values.loads(values.dumps(lambda n: Point(n).x + 1))
    assert function(1) == 2


def test_a_call_travels_as_a_pair() -> None:
    call = ((1, "two", [3]), {"key": b"4"})
    assert values.loads(values.dumps(call)) == call


@pytest.mark.parametrize("wrap", [lambda lock: lock, lambda lock: ([{"a": lock}], 1)])
def test_what_cannot_travel_is_named(wrap: Any) -> None:
    with pytest.raises(values.Unpicklable, match=r"type _thread\.lock"):
        values.dumps(wrap(threading.Lock()))


def test_a_generator_is_named() -> None:
    with pytest.raises(values.Unpicklable, match="type generator cannot be pickled"):
        values.dumps(n for n in range(3))


def test_a_class_that_cannot_reduce_itself_is_named_with_its_reason() -> None:
    class Broken:
        def __reduce__(self) -> Any:
            raise KeyError("not today")

    with pytest.raises(values.Unpicklable, match=r"Broken inside a value of type list .*not today"):
        values.dumps([1, Broken()])


def test_endless_nesting_is_unpicklable() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(values.Unpicklable):
        values.dumps(nested)


@pytest.mark.parametrize("make", [bytes, lambda size: [bytes(size)]])
def test_a_value_over_the_limit_says_how_large_it_is(make: Any) -> None:
    with pytest.raises(values.Oversize, match="65 MB"):
        values.dumps(make(limits.MAX_PAYLOAD + (1 << 20)))


def test_plain_values_are_plain_pickles() -> None:
    assert values.dumps(((1, "a"), {"b": 2.0})) == pickle.dumps(((1, "a"), {"b": 2.0}), 5)


def test_unpicklable_and_oversize_are_what_python_would_raise() -> None:
    assert issubclass(values.Unpicklable, TypeError)
    assert issubclass(values.Oversize, ValueError)
