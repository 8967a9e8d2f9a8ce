"""Checks of arguments say what Python says."""

import functools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.code.signatures import check_again, check_of
from tests.support.projects import Project

FUNCTIONS: list[Callable[..., Any]] = [
    lambda: None,
    lambda a: None,
    lambda a, b=1: None,
    lambda a, /, b, *, c: None,
    lambda *args: None,
    lambda a, *args, c, d=1, **kwargs: None,
    lambda **kwargs: None,
    lambda a=1, /, *, c=2: None,
]


class Thing:
    def method(self, a: int) -> None:
        """Takes one."""

    @classmethod
    def of_class(cls, a: int) -> None:
        """Takes one."""

    def __call__(self, a: int) -> None:
        """Takes one."""


EDITED = """
def plain(a: int, b: "str" = 1, /, *rest, c, d=[2], **others): pass
class Thing:
    async def method(self, a): pass
def one(): pass
def twice(): pass
def twice(a): pass
{decorator}
def decorated(a): pass
"""


@pytest.fixture
def edited(project: Project) -> Any:
    """A module whose functions took no arguments when it was loaded."""
    project.has(
        {
            "edited_module.py": "def plain(): pass\nclass Thing:\n    def method(): pass\n"
            "def one(): pass\ndef twice(): pass\ndef decorated(): pass\n"
        }
    )
    module = project.loads("edited_module")
    project.writes("edited_module.py", EDITED.replace("{decorator}", "@print"))
    return module


def checked_again(function: Any, *args: int, **kwargs: int) -> str:
    with pytest.raises(TypeError) as refused:
        function(*args, **kwargs)
    try:
        check_again(function, args, kwargs, refused.value)
    except TypeError as error:
        return str(error)
    return "accepted"


def test_arguments_that_an_edited_function_takes_are_accepted(edited: Any) -> None:
    assert checked_again(edited.plain, 1, c=3) == "accepted"
    assert checked_again(edited.plain, 1, 2, 3, 4, c=3, d=1, e=5) == "accepted"
    assert checked_again(edited.Thing.method, 1, 2) == "accepted"


def test_others_are_refused_in_its_words(edited: Any) -> None:
    assert "missing 1 required keyword-only argument: 'c'" in checked_again(edited.plain, 1)
    assert "missing 1 required positional argument: 'a'" in checked_again(edited.Thing.method, 1)


@pytest.mark.parametrize("name", ["one", "twice", "decorated"])
def test_where_the_file_says_nothing_new_or_not_for_sure_the_error_stays(
    edited: Any, name: str
) -> None:
    error = f"{name}() takes 0 positional arguments but 1 was given"
    assert checked_again(getattr(edited, name), 1) == error


@pytest.mark.parametrize("text", ["def plain(:", "def plain(a): '\0'", None])
def test_so_it_is_where_the_file_cannot_be_read(
    edited: Any, project: Project, text: str | None
) -> None:
    if text is None:
        (project.root / "edited_module.py").unlink()
        os.mkfifo(project.root / "edited_module.py")
    else:
        project.writes("edited_module.py", text)
    error = "plain() takes 0 positional arguments but 1 was given"
    assert checked_again(edited.plain, 1) == error


def test_functions_that_go_by_value_are_what_they_are() -> None:
    def held() -> None:
        """Takes none."""

    assert "takes 0 positional arguments but 1 was given" in checked_again(held, 1)


def outcome(function: Callable[..., Any], args: list[int], kwargs: dict[str, int]) -> str:
    try:
        function(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return "accepted"


@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "c", "d", "x"]), st.integers(), max_size=3),
)
def test_a_function_s_check_says_what_python_says(
    function: Callable[..., Any], args: list[int], kwargs: dict[str, int]
) -> None:
    assert outcome(check_of(function), args, kwargs) == outcome(function, args, kwargs)


@pytest.mark.parametrize("function", [Thing().method, Thing.of_class, Thing.method])
@pytest.mark.parametrize("args", [[], [1], [1, 2], [1, 2, 3]])
def test_a_method_s_check_counts_as_python_does(
    function: Callable[..., Any], args: list[int]
) -> None:
    assert outcome(check_of(function), args, {}) == outcome(function, args, {})


@pytest.mark.parametrize("function", [Thing(), functools.partial(FUNCTIONS[2], 1), divmod, Thing])
def test_other_callables_refuse_what_they_would_refuse(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        check_of(function)(1, 2, 3, 4)


@given(
    function=st.sampled_from(FUNCTIONS),
    bound=st.lists(st.integers(), max_size=3),
    named=st.dictionaries(st.sampled_from("abcdx"), st.integers(), max_size=2),
    args=st.lists(st.integers(), max_size=3),
    kwargs=st.dictionaries(st.sampled_from("abcdx"), st.integers(), max_size=2),
)
def test_a_partial_s_check_says_what_python_says_of_its_function(
    function: Callable[..., Any],
    bound: list[int],
    named: dict[str, int],
    args: list[int],
    kwargs: dict[str, int],
) -> None:
    partial = functools.partial(function, *bound, **named)
    assert outcome(check_of(partial), args, kwargs) == outcome(partial, args, kwargs)


def test_a_partial_that_is_called_in_its_own_way_is_not_looked_into() -> None:
    class Lenient(functools.partial[Any]):
        def __call__(self, *args: int, **_: int) -> Any:
            return super().__call__(*args[:1])

    assert outcome(check_of(Lenient(abs)), [1, 2], {}) == "accepted"


def test_a_callable_without_a_signature_takes_anything() -> None:
    assert outcome(check_of(min), [], {"x": 1}) == "accepted"


def test_a_wrapper_is_checked_not_what_it_wraps() -> None:
    @functools.wraps(FUNCTIONS[1])
    def wrapper(*args: int) -> None:
        """Takes any number."""

    assert outcome(check_of(wrapper), [1, 2, 3], {}) == "accepted"
