"""Which file a module is, while files and the program change."""

import sys
from pathlib import Path

import pytest

from tests.support.projects import Project, make_module


def test_a_module_that_was_made_by_hand_from_a_file_travels(project: Project) -> None:
    file = project.writes("elsewhere/handmade.py", "x = 1")
    make_module("handmade").__file__ = str(file)
    assert project.paths("handmade") == ["handmade.py"]


def test_a_module_that_is_something_else_by_now_travels_as_its_file(project: Project) -> None:
    project.has({"lazy.py": "import sys\nsys.modules[__name__] = object()"})
    project.loads("lazy")
    assert project.paths("lazy") == ["lazy.py"]


def test_a_package_takes_the_place_of_a_loaded_module(project: Project) -> None:
    file = project.writes("sh.py", "x = 1")
    project.loads("sh")
    assert project.paths("sh") == ["sh.py"]
    file.unlink()
    project.writes("sh/__init__.py", "x = 2")
    assert project.paths("sh") == ["sh/__init__.py"]


def test_a_package_beside_a_loaded_module_goes_before_it_once_it_is_one(project: Project) -> None:
    project.writes("sh.py", "x = 1")
    project.writes("sh/notes.txt", "")
    project.loads("sh")
    assert project.paths("sh") == ["sh.py"]
    project.writes("sh/__init__.py", "x = 2")
    assert project.paths("sh") == ["sh/__init__.py"]


def test_a_module_takes_the_place_of_a_loaded_package(project: Project) -> None:
    file = project.writes("sh/__init__.py", "x = 1")
    project.loads("sh")
    assert project.paths("sh") == ["sh/__init__.py"]
    file.unlink()
    file.parent.rmdir()
    project.writes("sh.py", "x = 2")
    assert project.paths("sh") == ["sh.py"]


def test_a_loaded_namespace_package_becomes_a_package(project: Project) -> None:
    project.writes("space/one.py", "")
    project.loads("space.one")
    assert project.paths("space.one") == ["space/one.py"]
    project.writes("space/__init__.py", "")
    assert project.paths("space.one") == ["space/__init__.py", "space/one.py"]


def test_a_module_earlier_on_the_path_goes_before_one_that_is_not_loaded(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = project.writes("late/leaf.py", "x = 1").parent
    (tmp_path / "early").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "early"), str(late)])
    assert project.tree("leaf").files[0].content == b"x = 1"
    project.writes("early/leaf.py", "x = 2")
    assert project.tree("leaf").files[0].content == b"x = 2"


def test_a_change_of_the_path_is_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.writes("lib/leaf.py", "x = 1")
    assert project.paths("leaf") == []
    monkeypatch.syspath_prepend(str(project.root / "lib"))
    assert project.paths("leaf") == ["leaf.py"]


def test_a_module_of_the_working_directory_is_of_the_one_there_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        project.writes(f"{name}/leaf.py", f"x = '{name}'")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    for name in ("here", "there"):
        monkeypatch.chdir(project.root / name)
        assert project.tree("leaf").files[0].content == f"x = '{name}'".encode()


def test_without_a_working_directory_the_rest_of_the_path_is_searched(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.writes("leaf.py", "")
    gone = project.root / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert project.paths("leaf") == project.paths("leaf") == ["leaf.py"]
