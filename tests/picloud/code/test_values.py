"""Values to bytes and back."""

import copy
import functools
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
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


def test_the_variables_of_a_process_stay_with_it() -> None:
    data = values.dumps((os.environ, os.environ.get, os.environb))
    assert os.environ["PATH"].encode() not in data
    environ, get, environb = values.loads(data)
    assert (environ is os.environ, environb is os.environb) == (True, True)
    assert get("PATH") == os.environ["PATH"]


def test_a_copy_of_the_variables_is_a_value() -> None:
    assert values.loads(values.dumps(dict(os.environ))) == dict(os.environ)
    assert values.loads(values.dumps(copy.copy(os.environ))) == os.environ


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

    with pytest.raises(values.Unpicklable, match=r"it\[1\]: .*Broken cannot be .*not today"):
        values.dumps([1, Broken()])


def test_endless_nesting_is_unpicklable() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(values.Unpicklable, match=r"^what this list holds is nested too deeply: "):
        values.dumps(nested)
    with pytest.raises(values.Unpicklable, match=r"^args\[1\]\['a'\]\['b'\]: what this list"):
        values.dumps(((1, {"a": {"b": nested}}), {}))
    with pytest.raises(values.Unpicklable, match=r"^<lambda>.__closure__\[0\]: what this list"):
        values.dumps(lambda: nested)


def test_a_long_chain_of_objects_is_nested_too_deeply_where_it_begins() -> None:
    node = Node(None)
    for _ in range(100_000):
        node = Node(node)
    with pytest.raises(values.Unpicklable, match=r"^kwargs\['x'\]\[0\]: what this .*Node holds is"):
        values.dumps(((), {"x": [node]}))
    while node is not None:  # one after the other: to let go of all at once takes as many calls
        node = node.next


class Node:
    def __init__(self, following: Any) -> None:
        self.next = following


def test_what_calls_itself_without_end_is_named() -> None:
    class Endless:
        def __reduce__(self) -> Any:
            return self.__reduce__()

    with pytest.raises(values.Unpicklable, match=r"^it\[0\]: .*Endless cannot be pickled: .*deep"):
        values.dumps([Endless()])


@pytest.mark.parametrize("make", [bytes, lambda size: [bytes(size)]])
def test_a_value_over_the_limit_says_how_large_it_is(make: Any) -> None:
    with pytest.raises(values.Oversize, match="65 MB"):
        values.dumps(make(limits.MAX_PAYLOAD + (1 << 20)))


def test_a_value_over_the_limit_says_which_of_its_parts_are_large() -> None:
    class Report:
        def __init__(self) -> None:
            self.title = "title"
            self.image = bytes(limits.MAX_PAYLOAD)
            self.table = bytearray(2 << 20)

    with pytest.raises(values.Oversize) as caught:
        values.dumps(Report())
    assert str(caught.value).endswith(
        "Report takes 66 MB pickled, the limit is 64 MB; "
        "its largest parts are .image with 64 MB, .table with 2 MB"
    )


def test_plain_values_are_plain_pickles() -> None:
    assert values.dumps(((1, "a"), {"b": 2.0})) == pickle.dumps(((1, "a"), {"b": 2.0}), 5)


def test_unpicklable_and_oversize_are_what_python_would_raise() -> None:
    assert issubclass(values.Unpicklable, TypeError)
    assert issubclass(values.Oversize, ValueError)


def run_script(path: Path, text: str, *arguments: str) -> str:
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SPAWNING = """
import multiprocessing
import sys
from picloud.code import functions, values

class Point:
    def __init__(self, x):
        self.x = x

def double(x):
    return Point(2 * x).x

def write(path):
    assert double.__module__ == "__mp_main__"
    functions.pack(double)
    with open(path, "wb") as file:
        file.write(values.dumps((functions.pack(double).code, Point(5))))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    child = context.Process(target=write, args=(sys.argv[1],))
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_main_program_of_a_multiprocessing_child_travels_by_value(
    tmp_path: Path, method: str
) -> None:
    pickled = tmp_path / "pickled"
    run_script(tmp_path / "script.py", SPAWNING, str(pickled), method)
    code, point = values.loads(pickled.read_bytes())  # here, there is no such `__mp_main__`
    assert values.loads(code)(4) == 8
    assert (type(point).__name__, point.x) == ("Point", 5)


CHANGING = """
import sys
sys.modules["__mp_main__"] = sys.modules["__main__"]
__name__ = "__mp_main__"
from picloud.code import functions

class Settings:
    size = 1

def size():
    return Settings.size

before = functions.pack(size).code
Settings.size = 2
assert functions.pack(size).code != before
"""


def test_a_class_of_the_main_program_of_a_child_may_change_between_calls(tmp_path: Path) -> None:
    run_script(tmp_path / "script.py", CHANGING)


CACHED = """
import functools
from picloud.code import values

@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

class Table:
    @functools.lru_cache(maxsize=3)
    def row(self, n):
        return n

def job(n):
    return fib(n)

for value in (fib, job, [fib], Table, Table(), functools.partial(fib, 1), Table.row):
    try:
        values.dumps(value)
    except values.Unpicklable as error:
        print(error)
    else:
        raise SystemExit(f"{value} was pickled")
"""


def test_caches_of_the_main_program_are_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    lines = run_script(tmp_path / "script.py", CACHED).splitlines()
    assert len(lines) == 7
    for line in lines:
        name = "Table.row" if "Table" in line else "fib"
        assert f"__main__.{name} is a functools.cache object" in line
        assert line.endswith(
            "functools.cache objects of the main program cannot travel: "
            f"define {name} in a module, or cache inside the job"
        )
    of_class = ["Table.row: ", "it.__class__.row: "]
    places = [line.partition("__main__.")[0] for line in lines]
    assert places == ["", "job.__globals__['fib']: ", "it[0]: ", *of_class, "it.func: ", ""]


def test_a_cache_made_inside_a_function_is_refused() -> None:
    @functools.cache
    def local(n: int) -> int:
        return n

    with pytest.raises(values.Unpicklable, match=r"<locals>\.local is a functools\.cache object"):
        values.dumps(lambda n: local(n))


def test_a_cache_of_a_module_travels_by_its_name() -> None:
    from fnmatch import _compile_pattern  # type: ignore[attr-defined]

    assert type(_compile_pattern) is functools._lru_cache_wrapper
    assert values.loads(values.dumps([_compile_pattern]))[0] is _compile_pattern


# ---------------------------------------------------------------------- handles of jobs


class Handle:
    """Says which jobs it stands for, as `Job` and `JobMap` do."""

    def __init__(self, *ranges: tuple[int, int], origin: str | None = None) -> None:
        self.ranges = ranges
        self.origin = origin

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return self.origin, self.ranges


def test_handles_are_noted_wherever_they_are() -> None:
    notes = values.Notes()
    shared = Handle((1, 4))
    values.dumps({"a": [shared, shared], "b": (Handle((7, 8), (9, 12)),)}, notes)
    assert notes.handles == [1, 4, 7, 8, 9, 12]


def test_and_so_is_of_which_clouds_they_are() -> None:
    notes = values.Notes()
    here, there = Handle((1, 4), (8, 9), origin="here"), Handle((5, 6), origin="there")
    values.dumps([here, there, Handle((7, 8)), Handle(origin="nowhere")], notes)
    assert notes.origins == {"here": 1, "there": 5}


def test_values_without_handles_note_none() -> None:
    notes = values.Notes()
    values.dumps(((1, "x"), {}), notes)
    values.dumps({"a": [Handle]}, notes)
    assert notes.handles == []
    assert values.dumps(Handle((1, 2)))
