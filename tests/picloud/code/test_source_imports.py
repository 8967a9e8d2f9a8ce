"""What a source file imports, without running it."""

import textwrap

import pytest

from picloud.code.imports import Import
from picloud.code.source_imports import NOTHING_READ, read_source


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
    assert read_source(source) == NOTHING_READ
