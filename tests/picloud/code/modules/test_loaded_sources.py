"""What was edited since it was first seen."""

import importlib
import sys
import types
from importlib import util

import pytest

from picloud.code.modules.loaded_sources import LoadedSources
from picloud.code.renewals import Edit
from tests.support.projects import Project

LEAF = "n = 1\n"
MOD = "import leaf\n"


@pytest.fixture
def edits(project: Project) -> LoadedSources:
    project.has({"mod.py": MOD, "leaf.py": LEAF, "other.py": "n = 1\n"})
    for name in ("mod", "other"):
        project.loads(name)
    edits = LoadedSources()
    edits.look()
    return edits


def edit_of(edits: LoadedSources, module: str) -> Edit | None:
    edits.look()
    return edits.edit_of(module)


def test_nothing_is_edited_at_first(edits: LoadedSources) -> None:
    assert edits.look() == edits.look()
    assert [edits.edit_of(name) for name in ("mod", "leaf", "other")] == [None] * 3


def test_an_edit_is_seen_with_the_source_before(edits: LoadedSources, project: Project) -> None:
    before = edits.look()
    project.writes("mod.py", MOD + "n = 22\n")
    assert edits.look() != before
    assert edits.edit_of("mod") == Edit("mod", MOD.encode(), f"{MOD}n = 22\n".encode())
    assert edits.edit_of("leaf") is edits.edit_of("other") is None


def test_so_is_an_edit_of_what_it_imports(edits: LoadedSources, project: Project) -> None:
    project.writes("leaf.py", "n = 22\n")
    assert edit_of(edits, "mod") == Edit("mod", MOD.encode(), MOD.encode())
    assert edit_of(edits, "other") is None


def test_imports_are_followed_through_packages(project: Project) -> None:
    project.has(
        {
            "pack/__init__.py": "RATE = 1\n",
            "pack/mod.py": "from .deep import thing\n",
            "pack/deep/__init__.py": "from . import thing\n",
            "pack/deep/thing.py": "from leaf import *\n",
            "leaf.py": LEAF,
        }
    )
    project.loads("pack.mod")
    edits = LoadedSources()
    assert edit_of(edits, "pack.mod") is None
    project.writes("leaf.py", "n = 22\n")
    assert edit_of(edits, "pack.mod") is not None
    assert edit_of(edits, "pack") is None


def test_an_edit_that_is_taken_back_is_none(edits: LoadedSources, project: Project) -> None:
    project.writes("leaf.py", "n = 22\n")
    assert edit_of(edits, "mod") is not None
    project.writes("leaf.py", LEAF)
    assert edit_of(edits, "mod") is None


def test_files_that_were_only_touched_or_are_no_modules_do_not_count(
    edits: LoadedSources, project: Project
) -> None:
    version = edits.look()
    project.writes("data.txt", "new")
    (project.root / "mod.py").touch()
    assert edits.look() == version


def test_what_is_loaded_later_is_as_it_was_then(edits: LoadedSources, project: Project) -> None:
    project.writes("late.py", LEAF)
    project.loads("late")
    assert edit_of(edits, "late") is None
    project.writes("late.py", "n = 22\n")
    assert edit_of(edits, "late") is not None


def test_a_module_that_is_reloaded_is_as_new(edits: LoadedSources, project: Project) -> None:
    project.writes("leaf.py", "n = 22\n")
    assert edit_of(edits, "mod") is not None
    importlib.reload(sys.modules["leaf"])
    assert edit_of(edits, "mod") is None
    project.writes("leaf.py", "n = 333\n")
    assert edit_of(edits, "mod") is not None


def test_what_has_lost_its_file_stays_as_it_was(edits: LoadedSources, project: Project) -> None:
    (project.root / "leaf.py").unlink()
    assert edit_of(edits, "mod") is None
    project.writes("leaf.py", "n = 22\n")
    assert edit_of(edits, "mod") is not None


def test_a_broken_module_is_edited(edits: LoadedSources, project: Project) -> None:
    project.writes("mod.py", "import (\n")
    assert edit_of(edits, "mod") == Edit("mod", MOD.encode(), b"import (\n")


@pytest.mark.parametrize("name", ["json", "pytest", "nowhere", "__main__", "picloud"])
def test_others_are_never_edited(edits: LoadedSources, project: Project, name: str) -> None:
    project.writes("mod.py", "n = 22\n")
    assert edit_of(edits, name) is None


def test_a_lazy_module_stays_lazy(edits: LoadedSources, project: Project) -> None:
    project.writes("lazy.py", LEAF)
    spec = util.find_spec("lazy")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = util.LazyLoader(spec.loader)
    module = sys.modules["lazy"] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    edits.look()
    assert type(module) is not types.ModuleType


def test_what_stands_among_modules_and_is_none_is_left_alone(
    edits: LoadedSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    monkeypatch.setitem(sys.modules, "odd", Odd())  # type: ignore[arg-type]
    assert edit_of(edits, "odd") is None
