"""Modules in archives that are written anew while the program runs."""

import sys
import zipfile
from pathlib import Path

import pytest

from picloud.code.unshippable import Unshippable
from tests.support.projects import Project


@pytest.fixture(params=["relative", "absolute"])
def archive(
    request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Where an archive is to lie, as the path names it."""
    monkeypatch.chdir(project.root)
    name = f"{project.root.name}.zip"  # Python remembers relative ones as they are called
    entry = Path(name) if request.param == "relative" else project.root / name
    monkeypatch.syspath_prepend(str(entry))
    return entry


def write(archive: Path, **modules: str) -> None:
    """Make the archive anew."""
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in modules.items():
            file.writestr(f"{name.replace('__', '/')}.py", text)


def contents(project: Project, *roots: str) -> list[str]:
    """What travels."""
    return [file.content.decode() for file in project.tree(*roots).files]


def test_a_module_is_sent_as_it_is_in_the_archive_now(project: Project, archive: Path) -> None:
    write(archive, zipped="x = 1")
    project.loads("zipped")
    assert contents(project, "zipped") == ["x = 1"]
    project.settled_tree("zipped")
    write(archive, other="# another place for it", zipped="x = 2 + len('longer')")
    assert contents(project, "zipped") == ["x = 2 + len('longer')"]


def test_a_module_that_appears_in_the_archive_is_found(project: Project, archive: Path) -> None:
    write(archive, first="def f(): import late")
    project.loads("first")
    assert contents(project, "first") == ["def f(): import late"]
    write(archive, first="def f(): import late", late="x = 1")
    assert contents(project, "first") == ["def f(): import late", "x = 1"]


def test_an_archive_that_is_left_out_of_the_path_is_looked_at(
    project: Project, archive: Path
) -> None:
    write(archive, kept="x = 1")
    project.loads("kept")
    sys.path.remove(str(archive))
    write(archive, other="", kept="x = 22")
    assert contents(project, "kept") == ["x = 22"]


def test_a_module_whose_archive_is_gone_is_refused(project: Project, archive: Path) -> None:
    write(archive, lost="x = 1")
    project.loads("lost")
    archive.unlink()
    with pytest.raises(
        Unshippable, match=r"lost was imported from .*\.zip, which is there no more"
    ):
        project.tree("lost")
