"""Which modules were edited since the program loaded them."""

import sys
import time
from pathlib import Path

import pytest

from picloud.code.modules.edits import Edits, began
from tests.support.projects import Project

FILES = {"one.py": "import leaf\nf = lambda: leaf.x", "leaf.py": "x = 1", "other.py": ""}


def test_a_module_is_edited_once_something_that_it_needs_is(project: Project) -> None:
    project.has(FILES).loads("one")
    edits = project.edits
    assert not edits.is_edited("one")
    project.writes("other.py", "x = 3")
    assert not edits.is_edited("one")
    project.writes("leaf.py", "x = 22")
    assert edits.is_edited("one")
    assert not edits.is_edited("other")


def test_what_was_edited_stays_so_whatever_follows(project: Project) -> None:
    project.has(FILES).loads("one")
    assert not project.edits.is_edited("one")
    project.writes("one.py", "x = 22")
    assert project.edits.is_edited("one")
    project.has(FILES)
    assert project.edits.is_edited("one")


def test_a_file_that_is_written_anew_as_it_was_is_not_edited(project: Project) -> None:
    project.has(FILES).loads("one")
    assert not project.edits.is_edited("one")
    project.has(FILES)
    assert not project.edits.is_edited("one")


def test_what_changed_after_the_program_began_counts_as_edited(project: Project) -> None:
    began_before = time.time_ns()
    project.has(FILES).loads("one")
    assert not project.edits.is_edited("one")
    assert Edits(project.scanner.scan, since=began_before - 10**9).is_edited("one")


@pytest.mark.parametrize("file", ["one.py", "leaf.py"])
def test_an_edit_that_is_no_python_is_one(project: Project, file: str) -> None:
    project.has(FILES).loads("one")
    assert not project.edits.is_edited("one")
    project.writes(file, "(")
    assert project.edits.is_edited("one")


def test_one_that_was_there_at_the_first_look_is_one_as_well(project: Project) -> None:
    project.has(FILES).loads("one")
    project.writes("leaf.py", "(")
    assert Edits(project.scanner.scan, since=0).is_edited("one")


def test_what_cannot_travel_is_not_edited_unless_files_are_new(project: Project) -> None:
    project.has(FILES).loads("one")
    project.writes("leaf.py", "(")
    assert not project.edits.is_edited("one")
    project.writes("leaf.py", "x = 2")
    assert not project.edits.is_edited("one")
    project.writes("leaf.py", "x = 3")
    assert project.edits.is_edited("one")


@pytest.mark.parametrize("name", ["json", "nowhere"])
def test_what_does_not_travel_is_not_edited(project: Project, name: str) -> None:
    assert not Edits(project.scanner.scan, since=0).is_edited(name)


def test_a_module_that_may_not_travel_is_not_edited(project: Project) -> None:
    project.has(FILES).loads("one")
    edits = Edits(lambda roots: project.scanner.scan(roots, ("leaf",)), since=0)
    assert edits.is_edited("leaf")
    assert not edits.is_edited("one")


def test_who_takes_from_a_module_reaches_more_than_it_does(project: Project) -> None:
    project.has(FILES)
    assert (project.edits.reach("one"), project.edits.reach("leaf")) == (2, 1)
    project.writes("leaf.py", "(").unlink()
    assert project.edits.reach("leaf") == sys.maxsize


def test_a_process_began_before_its_files_and_after_those_of_others(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert Path(sys.executable).stat().st_ctime_ns < began() < file.stat().st_ctime_ns
