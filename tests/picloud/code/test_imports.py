"""What import statements mean, read from code that travels by value."""

from types import CodeType

import pytest

from picloud.code.imports import Import, finds_modules, names_of, read_code, reads_data

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


def code_of(body: str) -> CodeType:
    """The code of a function with these lines."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (code,) = [
        each
        for each in compile(f"def f():\n{lines}", "source", "exec").co_consts
        if isinstance(each, CodeType)
    ]
    return code


def test_asking_where_a_module_is_counts_as_reading_data() -> None:
    assert list(map(reads_data, names_of(*read_code(code_of("module.__file__")), ""))) == [True]
    assert read_code(code_of("__file__")) == ()


@pytest.mark.parametrize(
    "line",
    [
        "__import__('a.b')",
        "return __import__('a.b').c.d",
        "__import__('a.b', fromlist=['c'])",
        "import_module('a.b').c()",
        "importlib.import_module('a.b')",
        "importlib.import_module(name='a.b')",
        "import_module('.b', 'a')",
        "import_module('..b', package='a.c')",
        "return lambda: __import__('a.b')",
        "return [import_module('a.b') for each in x]",
    ],
)
def test_a_constant_name_that_is_given_to_an_importer_is_an_import(line: str) -> None:
    assert read_code(code_of(line)) == (Import("a.b", (), 0),)


@pytest.mark.parametrize(
    "line",
    [
        "__import__('a' + b)",
        "__import__(f'a.{b}')",
        "__import__('a.%s' % b)",
        "__import__('a.{}'.format(b))",
        "__import__(b)",
        "__import__('no module')",
        "other('a')",
    ],
)
def test_a_name_that_is_put_together_is_none(line: str) -> None:
    assert read_code(code_of(line)) == ()


@pytest.mark.parametrize(
    ("body", "is_optional"),
    [
        ("try: import a\nexcept ImportError: pass", True),
        ("try: import a\nexcept ModuleNotFoundError as e: print(e)", True),
        ("try: import a\nexcept (KeyError, ImportError): pass", True),
        ("try: import a\nexcept KeyError: pass\nexcept Exception: pass", True),
        ("try: import a\nexcept: pass", True),
        ("try:\n    try: import a\n    except KeyError: pass\nexcept ImportError: pass", True),
        ("try:\n    with b: import a\nexcept ImportError: pass", True),
        ("try: __import__('a')\nexcept ImportError: pass", True),
        ("try: import a\nexcept KeyError: pass", False),
        ("try: import a\nfinally: pass", False),
        ("with b: import a", False),
        ("try: pass\nexcept ImportError: import a", False),
        ("import a", False),
    ],
)
def test_what_the_code_can_do_without_is_optional(body: str, is_optional: bool) -> None:
    assert read_code(code_of(body)) == (Import("a", (), 0, is_optional),)


@pytest.mark.parametrize(
    "line",
    [
        "resources.files('pack.sub').joinpath('n.txt')",
        "files('pack.sub')",
        "files(anchor='pack.sub')",
        "pkgutil.get_data('pack.sub', 'n.txt')",
        "resources.path('pack.sub', name)",
        "read_text('pack.sub', name, encoding=it)",
        "get_data('pack.sub', 's/' + name)",
        "get_data('pack.sub', f's/{name}.txt')",
    ],
)
def test_a_constant_name_that_is_given_to_a_reader_of_files_may_be_that_of_a_package(
    line: str,
) -> None:
    found = read_code(code_of(f"name = it = x()\nreturn {line}"))
    assert Import("pack.sub", (), 0, is_guessed=True) in found
    assert names_of(found[0], "") == ["pack.sub??"]


@pytest.mark.parametrize(
    "line",
    [
        "join(path, 'pack')",
        "os.path.join(path, 'pack')",
        "open(self.path, 'pack')",
        "open(contents.path, 'pack', 3)",
        "(path, 'pack')",
        "[files, 'pack']",
        "files == 'pack'",
    ],
)
def test_a_constant_beside_a_name_of_one_is_none(line: str) -> None:
    assert read_code(code_of(f"path = 1\nreturn {line}")) == ()


@pytest.mark.parametrize(
    "body",
    [
        "return os.listdir(os.path.dirname(pack.__file__))",
        "return [each for each in pack.__path__]",
        "return list(resources.files(pack).iterdir())",
    ],
)
def test_listing_what_is_in_a_package_counts_as_looking_for_modules(body: str) -> None:
    assert any(finds_modules(one.module) for one in read_code(code_of(body)))
    assert finds_modules("pkgutil?")
    assert reads_data("pkgutil")


@pytest.mark.parametrize("body", ["return os.listdir(here)", "return open(pack.__file__)"])
def test_listing_else_or_reading_only_does_not(body: str) -> None:
    assert not any(finds_modules(one.module) for one in read_code(code_of(body)))


def test_names_of_what_is_optional_say_so() -> None:
    assert names_of(Import("a", ("b",), 0, True), "") == ["a?", "a.b?"]
