"""What a source file imports, without running it."""

import textwrap

import pytest

from picloud.code.imports import Import
from picloud.code.modules.source_imports import read_source


def found(source: str) -> list[Import]:
    return read_source(textwrap.dedent(source).encode()).imports


def test_statements_are_found_wherever_they_stand() -> None:
    source = """
        import a, b.c as d
        if condition:
            from e import (
                f,
                g as h,
            )
        else:
            import i
        class C:
            import j
            def method(self):
                async def inner():
                    from . import k
        for each in ():
            import l
        with open(x) as y: import m
        match x:
            case 1:
                import n
        while False:
            import o
    """
    names = [one.module or one.names[0] for one in found(source)]
    assert names == ["a", "b.c", "e", "i", "j", "k", "l", "m", "n", "o"]


def test_what_may_be_missing_is_optional_and_its_replacement_is_not() -> None:
    source = """
        try:
            import fast
        except ImportError:
            import slow
        else:
            import also
        finally:
            import last
    """
    assert {one.module: one.is_optional for one in found(source)} == {
        "fast": True,
        "slow": False,
        "also": False,
        "last": False,
    }


@pytest.mark.parametrize(
    ("handler", "is_optional"),
    [
        ("except ModuleNotFoundError", True),
        ("except (ValueError, ImportError)", True),
        ("except Exception", True),
        ("except", True),
        ("except KeyError", False),
    ],
)
def test_only_who_catches_the_error_can_do_without(handler: str, is_optional: bool) -> None:
    (one,) = found(f"try:\n    import x\n{handler}:\n    pass\n")
    assert one.is_optional is is_optional


def test_a_literal_name_given_to_import_module_is_an_import() -> None:
    source = "import importlib\nimportlib.import_module('a.b')\n__import__( \"c\" )\n"
    assert [one.module for one in found(source)] == ["importlib", "a.b", "c"]
    assert not read_source(source.encode()).computes_names


@pytest.mark.parametrize(
    "line",
    [
        "import_module(name)",
        "import_module(f'plugins.{name}')",
        "__import__('a' + name)",
        "pkgutil.iter_modules(__path__)",
        "list(map(import_module, names))",
    ],
)
def test_a_computed_name_is_noted(line: str) -> None:
    assert read_source(line.encode()).computes_names


@pytest.mark.parametrize(
    "line",
    [
        "from importlib import resources",
        "import importlib.resources as r",
        "Path(__file__).parent",
        "pkgutil.get_data(__name__, 'x')",
    ],
)
def test_a_look_for_files_is_noted(line: str) -> None:
    assert read_source(line.encode()).reads_data


@pytest.mark.parametrize("source", [b"def (", b"\0", b"\xff\xfe\x00", b"import"])
def test_what_is_no_python_imports_nothing(source: bytes) -> None:
    reading = read_source(source)
    assert (reading.imports, reading.computes_names, reading.reads_data) == ([], False, False)
    assert reading.flaw


def test_a_flaw_is_told_with_its_line_and_text() -> None:
    flaw = read_source(b"x = 1\ndef f(:\n    pass\n").flaw
    assert flaw == "line 2: invalid syntax: def f(:"


def test_what_is_run_by_whoever_imports_the_module_is_certain() -> None:
    source = """
        import a
        with b:
            import c
        class D:
            import e
        if f:
            import g
        try:
            import h
        finally:
            import i
        def j():
            import k
    """
    assert [one.module for one in found(source) if one.is_certain] == ["a", "c", "e"]


@pytest.mark.parametrize(
    ("line", "is_optional"),
    [
        ("from importlib import import_module as load\nload('a.b')", False),
        ("import_module(name='a.b')", False),
        ("import_module('.b', 'a')", False),
        ("import_module('.b', package='a')", False),
        ("x = [importlib.import_module('a.b').y for y in z]", False),
        ("if __import__('a.b').c: pass", False),
        ("try:\n    import_module('a.b')\nexcept ImportError: pass", True),
        ("lambda: __import__('a.b')", False),
    ],
)
def test_a_constant_name_is_found_wherever_it_is_given(line: str, is_optional: bool) -> None:
    reading = read_source(line.encode())
    assert Import("a.b", (), 0, is_optional) in reading.imports
    assert not reading.computes_names


def test_a_relative_constant_name_starts_from_the_modules_own_package() -> None:
    reading = read_source(b"import_module('.b', __package__)")
    assert reading.imports == [Import("b", (), 1)]


def test_what_stands_in_a_comment_is_not_read() -> None:
    assert not read_source(b"# import_module(name)\nx = 'import_module(name)'\n").computes_names
