"""What is said to errors that come of what has travelled."""

import json

import pytest

from picloud_worker.interpreter.advice import advice_on_name, advise


def notes(error: BaseException, tree: str = "/trees/1") -> str:
    """What an error is told."""
    advise(error, tree)
    return "".join(getattr(error, "__notes__", []))


def test_who_misses_a_module_is_told_to_import_it_where_it_is_needed() -> None:
    error = ModuleNotFoundError("No module named 'leaf'", name="leaf")
    assert "import leaf in the function" in notes(error)


def test_who_misses_a_file_beside_a_module_is_told_what_travels() -> None:
    error = FileNotFoundError(2, "No such file", "/trees/1/table.csv")
    assert "only if the module is in a package" in notes(error)


@pytest.mark.parametrize(
    "error",
    [
        ImportError("cannot import name"),
        ModuleNotFoundError("raised by hand"),
        ModuleNotFoundError("No module named 'json.nothing'", name=f"{json.__name__}.nothing"),
        FileNotFoundError(2, "No such file", "/trees/2/table.csv"),
        FileNotFoundError(2, "No such file", "table.csv"),
        FileNotFoundError(2, "No such file", 3),
        FileNotFoundError("raised by hand"),
        KeyError("leaf"),
    ],
)
def test_others_are_as_they_were(error: BaseException) -> None:
    assert notes(error) == ""


@pytest.mark.parametrize(
    ("message", "module"),
    [
        ("AttributeError: Can't get attribute 'f' on <module 'leaf' from '/x.py'>", "leaf"),
        ("AttributeError: module 'pack.leaf' has no attribute 'C.m'", "pack.leaf"),
    ],
)
def test_who_misses_a_name_of_a_module_is_told_what_that_comes_of(
    message: str, module: str
) -> None:
    assert f"This is {module!r} as its file is now" in advice_on_name(message)


@pytest.mark.parametrize(
    "message",
    [
        "AttributeError: 'int' object has no attribute 'f'",
        f"AttributeError: module '{json.__name__}' has no attribute 'nothing'",
        "AttributeError: module 'pytest' has no attribute 'nothing'",
    ],
)
def test_other_attributes_are_no_names_of_modules_of_the_user(message: str) -> None:
    assert advice_on_name(message) == ""


def test_without_modules_there_are_no_files_beside_them() -> None:
    assert notes(FileNotFoundError(2, "No such file", "/trees/1/table.csv"), "") == ""
