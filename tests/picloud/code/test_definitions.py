"""What a source says of its functions."""

import ast
import types

import pytest

from picloud.code import definitions

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
    assert spelled(outer.defaults) == {"b": "2"}
    assert spelled(outer.keyword_defaults) == {"d": "[1, 'x']", "e": "f(3)"}
    assert [ast.unparse(each) for each in outer.decorators] == ["first", "second(1, key='a')"]


def spelled(expressions: dict[str, ast.expr]) -> dict[str, str]:
    return {name: ast.unparse(each) for name, each in expressions.items()}


def test_functions_of_one_name_and_line_are_told_apart() -> None:
    [found] = [
        each for name, each in definitions.read(SOURCE, "some.py").items() if "lambda" in name
    ]
    assert [spelled(each.defaults) for each in found] == [{"y": "1"}, {"z": "2"}]


def test_functions_that_are_written_alike_have_one_text() -> None:
    [get] = definitions.read(SOURCE, "some.py")["Model.get"]
    [moved] = definitions.read(b"\n" + SOURCE, "some.py")["Model.get"]
    [inner] = definitions.read(SOURCE, "some.py")["Model.Inner.get"]
    assert get.text == moved.text != inner.text


def test_the_class_of_a_method_counts_without_its_functions() -> None:
    def class_text(source: str) -> str:
        return definitions.read(source.encode(), "some.py")["A.f"][0].class_text

    source = "class A:\n x = 1\n def f(self): pass\n"
    assert class_text(source) == class_text(source.replace("pass", "return 2"))
    assert class_text(source) != class_text(source.replace("x = 1", "x = 2"))
    assert definitions.read(b"def g(): pass", "some.py")["g"][0].class_text == ""


def test_code_is_alike_wherever_it_stands() -> None:
    def code(source: str) -> types.CodeType:
        [found] = definitions.read(source.encode(), "some.py")["f"]
        return found.code

    source = "def f():\n    return lambda: 1\n"
    assert code(source) != code("\n" + source)
    assert definitions.alike(code(source), code("\n" + source))
    assert not definitions.alike(code(source), code(source.replace("1", "2")))


@pytest.mark.parametrize(
    ("text", "value"), [("2", 2), ("[1, 'x']", [1, "x"]), ("-1.5", -1.5), ("None", None)]
)
def test_literals_have_a_value(text: str, value: object) -> None:
    assert definitions.literal(ast.parse(text, mode="eval").body) == value


@pytest.mark.parametrize("text", ["f(3)", "x", "[*x]", "{[]: 1}"])
def test_others_have_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        definitions.literal(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    ("text", "name"),
    [("timed", "timed"), ("tools.timed(3)", "timed"), ("make()(1)", "make"), ("table[0]", "")],
)
def test_a_decorator_is_called_by_its_last_name(text: str, name: str) -> None:
    assert definitions.called_name(ast.parse(text, mode="eval").body) == name


@pytest.mark.parametrize("source", [b"def f(:", b"x = 1\0", b"# coding: nonsense\n"])
def test_what_is_no_python_is_an_error(source: bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        definitions.read(source, "some.py")
