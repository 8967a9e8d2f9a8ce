"""What import statements mean, read from code that travels by value."""

from types import CodeType

import pytest

from picloud.code.imports import Import, names_of, read_code

SOURCE = """
def imports_late():
    import json.decoder
    from collections import abc, deque

    def inner():
        from ..other import thing
"""


def imports_late() -> CodeType:
    """The code of that function; mypy would follow its imports."""
    (code,) = [
        each for each in compile(SOURCE, "source", "exec").co_consts if hasattr(each, "co_code")
    ]
    assert isinstance(code, CodeType)
    return code


def test_statements_inside_a_function_are_found_and_those_of_functions_in_it() -> None:
    assert list(read_code(imports_late())) == [
        Import("json.decoder", (), 0),
        Import("collections", ("abc", "deque"), 0),
        Import("other", ("thing",), 2),
    ]


def test_a_function_without_any_imports_nothing() -> None:
    assert read_code(test_a_function_without_any_imports_nothing.__code__) == ()


@pytest.mark.parametrize(
    ("statement", "package", "names"),
    [
        (Import("a.b", (), 0), "", ["a.b"]),
        (Import("a", ("b", "c"), 0), "p", ["a", "a.b", "a.c"]),
        (Import("a", ("*",), 0), "p", ["a"]),
        (Import("", ("x",), 1), "p.q", ["p.q", "p.q.x"]),
        (Import("a", ("x",), 1), "p.q", ["p.q.a", "p.q.a.x"]),
        (Import("a", (), 2), "p.q", ["p.a"]),
        (Import("a", (), 3), "p.q", []),
        (Import("", ("x",), 1), "", []),
    ],
)
def test_a_statement_means_modules_by_their_whole_names(
    statement: Import, package: str, names: list[str]
) -> None:
    assert names_of(statement, package) == names
