"""What a source says of its functions."""

import pytest

from picloud.code import definitions
from picloud.code.definitions import Expression

SOURCE = b"""
@first
@second(1, key='a')
async def outer(a, /, b=2, *rest, c, d=[1, 'x'], e=f(3), **others):
    def inner(): return [x for x in (lambda y=1: y, lambda z=2: z)]
    return inner

class Model:
    size = 3
    @property
    def get(self): return self
    class Inner:
        def get(self, n=size): return n
"""


def test_functions_are_known_by_their_qualified_names() -> None:
    found = definitions.read(SOURCE, "some.py")
    names = {name.replace(".<listcomp>", "") for name in found}  # 3.11 has a scope for it
    assert names == {
        "outer",
        "outer.<locals>.inner",
        "outer.<locals>.inner.<locals>.<lambda>",
        "Model.get",
        "Model.Inner.get",
    }


def test_code_is_as_python_makes_it() -> None:
    namespace: dict[str, type] = {}
    exec(compile("class Model:\n def get(self): return self", "some.py", "exec"), namespace)
    [read] = definitions.read(b"class Model:\n def get(self): return self", "some.py")["Model.get"]
    assert read.code == vars(namespace["Model"])["get"].__code__
    assert read.code.co_filename == "some.py"


def test_defaults_and_decorators_are_known_as_they_are_written() -> None:
    [outer] = definitions.read(SOURCE, "some.py")["outer"]
    assert outer.defaults == {"b": Expression("2")}
    assert outer.keyword_defaults == {"d": Expression("[1, 'x']"), "e": Expression("f(3)")}
    assert outer.decorators == [Expression("first"), Expression("second(1, key='a')")]


def test_functions_of_one_name_and_line_are_told_apart() -> None:
    [found] = [
        each for name, each in definitions.read(SOURCE, "some.py").items() if "lambda" in name
    ]
    assert [each.defaults for each in found] == [{"y": Expression("1")}, {"z": Expression("2")}]


@pytest.mark.parametrize(
    ("text", "literal"),
    [("2", 2), ("[1, 'x']", [1, "x"]), ("-1.5", -1.5), ("None", None), ("f(3)", ...), ("x", ...)],
)
def test_literals_have_a_value(text: str, literal: object) -> None:
    expression = Expression(text)
    assert expression.is_literal == (literal is not ...)
    if expression.is_literal:
        assert expression.value() == literal


@pytest.mark.parametrize("source", [b"def f(:", b"x = 1\0", b"# coding: nonsense\n"])
def test_what_is_no_python_is_an_error(source: bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        definitions.read(source, "some.py")
