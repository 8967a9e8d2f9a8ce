"""Where a file defines a function, and where it may not."""

import ast
import os
from pathlib import Path

import pytest

from picloud.code.definitions import definition

SOURCE = """
import os as moved
from json import *

@decorated(3)
def plain(x, y=1): return x

async def later(x): return x

class Model:
    def method(self, plain): return plain

    class Inner:
        def deep(self): return 1

    def again(self): pass
    again = again

def twice(): pass
if plain:
    def twice(): pass

def assigned(): pass
for assigned in []: pass

def imported(): pass
with moved:
    import imported.deep

def caught(): pass
try: pass
except ValueError as caught: pass

def captured(): pass
match plain:
    case [captured]: pass

def removed(): pass
del removed

def bound_elsewhere(): pass
def binds():
    global bound_elsewhere
    bound_elsewhere = 1

if plain:
    def conditional(): pass

class Twice:
    def method(self): pass
class Twice:
    def method(self): pass

def uses_names_of_others():
    plain = later = 1
    return [plain for plain in later]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "source.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.mark.parametrize(
    "name", ["plain", "later", "Model.method", "Model.Inner.deep", "binds", "uses_names_of_others"]
)
def test_a_name_that_is_bound_once_is_that_of_its_def(file: str, name: str) -> None:
    node = definition(file, name)
    assert node is not None
    assert node.name == name.rpartition(".")[2]


def test_its_decorators_and_parameters_are_told(file: str) -> None:
    node = definition(file, "plain")
    assert node is not None
    assert [ast.unparse(each) for each in node.decorator_list] == ["decorated(3)"]
    assert ast.unparse(node.args) == "x, y=1"


@pytest.mark.parametrize(
    "name",
    [
        "assigned",
        "bound_elsewhere",
        "captured",
        "caught",
        "conditional",
        "imported",
        "Model",
        "Model.again",
        "nowhere",
        "removed",
        "twice",
        "Twice.method",
    ],
)
def test_a_name_that_something_else_may_bind_has_no_definition(file: str, name: str) -> None:
    assert definition(file, name) is None


def test_an_edited_file_is_read_again(file: str) -> None:
    assert definition(file, "plain")
    Path(file).write_text("def other(): pass")
    assert definition(file, "plain") is None
    assert definition(file, "other")


def test_what_is_no_source_defines_nothing(tmp_path: Path, file: str) -> None:
    Path(file).write_text("def (")
    os.mkfifo(tmp_path / "pipe")
    for each in (file, str(tmp_path), str(tmp_path / "pipe"), str(tmp_path / "none"), "a\0b"):
        assert definition(each, "plain") is None
