"""Whether modules were edited since they were first seen."""

import importlib

import pytest

from picloud.code.modules.edits import Edits
from picloud.code.renewals import UNCHANGED
from tests.support.projects import Project


@pytest.fixture
def edits(project: Project) -> Edits:
    project.has({"mod.py": "import leaf\n", "leaf.py": "n = 1\n", "other.py": "n = 1\n"})
    project.loads("mod")
    return Edits()


def test_nothing_has_changed_at_first(edits: Edits) -> None:
    seen = edits.look("mod")
    assert (seen.edit, seen.source) == (None, b"import leaf\n")
    assert edits.look("mod") == seen


def test_an_edit_is_seen_with_the_source_before(edits: Edits, project: Project) -> None:
    before = edits.look("mod")
    project.writes("mod.py", "import leaf\nn = 22\n")
    seen = edits.look("mod")
    assert seen.edit is not None
    assert (seen.edit.before, seen.edit.now) == (b"import leaf\n", b"import leaf\nn = 22\n")
    assert seen.state != before.state


def test_so_is_an_edit_of_what_it_imports(edits: Edits, project: Project) -> None:
    edits.look("mod")
    project.writes("leaf.py", "n = 22\n")
    seen = edits.look("mod")
    assert seen.edit is not None
    assert seen.edit.before == seen.edit.now == b"import leaf\n"


def test_an_edit_that_is_taken_back_is_none(edits: Edits, project: Project) -> None:
    before = edits.look("mod")
    project.writes("leaf.py", "n = 22\n")
    assert edits.look("mod").edit is not None
    project.writes("leaf.py", "n = 1\n")
    assert edits.look("mod") == before


def test_what_it_comes_to_import_is_no_edit_by_itself(edits: Edits, project: Project) -> None:
    project.has({"mod.py": "import leaf, late\n"})
    edits.look("mod")
    project.writes("late.py", "n = 1\n")
    assert edits.look("mod").edit is None
    project.writes("late.py", "n = 22\n")
    assert edits.look("mod").edit is not None


def test_a_module_that_is_reloaded_is_as_new(edits: Edits, project: Project) -> None:
    edits.look("mod")
    project.writes("mod.py", "n = 22\n")
    importlib.reload(project.loads("mod"))
    assert edits.look("mod").edit is None
    project.writes("mod.py", "n = 333\n")
    assert edits.look("mod").edit is not None


@pytest.mark.parametrize("text", ["", "import (\n"])
def test_a_module_that_is_gone_or_broken_says_nothing(
    edits: Edits, project: Project, text: str
) -> None:
    edits.look("mod")
    project.writes("mod.py", text)
    if not text:
        (project.root / "mod.py").unlink()
    assert edits.look("mod") is UNCHANGED


@pytest.mark.parametrize("name", ["json", "pytest", "nowhere"])
def test_others_are_never_edited(edits: Edits, name: str) -> None:
    assert edits.look(name) is UNCHANGED
