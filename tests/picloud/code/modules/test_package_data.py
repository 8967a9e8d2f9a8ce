"""Files of packages travel where something looks for some."""

import os
import socket
import zipfile

import pytest

from picloud.code.modules import package_data
from picloud.code.unshippable import Unshippable
from tests.support.projects import Project

LAYOUTS: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    # name: files, roots, paths of the tree
    "a package that reads files beside itself": (
        {
            "pack/__init__.py": "from importlib import resources",
            "pack/table.csv": "1,2",
            "pack/data/text.txt": "text",
            "pack/.hidden": "",
            "pack/__pycache__/x.pyc": "",
            "pack/unused.py": "",
        },
        ["pack"],
        ["pack/__init__.py", "pack/data/text.txt", "pack/table.csv"],
    ),
    "a module that reads files of a package above it": (
        {
            "pack/__init__.py": "",
            "pack/data/text.txt": "text",
            "pack/sub/__init__.py": "",
            "pack/sub/mod.py": "__file__",
        },
        ["pack.sub.mod"],
        ["pack/__init__.py", "pack/data/text.txt", "pack/sub/__init__.py", "pack/sub/mod.py"],
    ),
    "a module that reads files of a package in a place for many": (
        {
            "space/big.txt": "",
            "space/pack/__init__.py": "",
            "space/pack/text.txt": "",
            "space/pack/mod.py": "__file__",
        },
        ["space.pack.mod"],
        ["space/pack/__init__.py", "space/pack/mod.py", "space/pack/text.txt"],
    ),
    "a module that reads files of another package": (
        {
            "one.py": "import pack\nfrom importlib import resources",
            "pack/__init__.py": "",
            "pack/data/__init__.py": "",
            "pack/data/text.txt": "text",
        },
        ["one"],
        ["one.py", "pack/__init__.py", "pack/data/__init__.py", "pack/data/text.txt"],
    ),
    "code of the program that reads files of a package": (
        {"pack/__init__.py": "", "pack/text.txt": "text"},
        ["importlib.resources", "pack"],
        ["pack/__init__.py", "pack/text.txt"],
    ),
    "code of the program that does not": (
        {"pack/__init__.py": "", "pack/text.txt": "text"},
        ["importlib.metadata", "pack"],
        ["pack/__init__.py"],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tree_holds_the_files_that_may_be_read(project: Project, name: str) -> None:
    files, roots, expected = LAYOUTS[name]
    assert project.has(files).paths(*roots) == expected


@pytest.mark.parametrize("name", ["pack/late.txt", "pack/data/late.txt", "pack/empty/late.txt"])
def test_a_file_of_data_that_appears_is_found(project: Project, name: str) -> None:
    project.has({"pack/__init__.py": "__file__", "pack/data/early.txt": "", "pack/empty/x.py": ""})
    project.settled_tree("pack")
    before = project.paths("pack")
    project.writes(name, "")
    assert project.paths("pack") == sorted([*before, name])


def test_too_many_files_of_data_are_refused_and_can_be_left_out(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_data, "MAX_DATA", 10)
    project.has({"pack/__init__.py": "__file__", "pack/a.bin": "x" * 6, "pack/b.bin": "x" * 6})
    with pytest.raises(Unshippable, match="looks for files beside itself"):
        project.tree("pack")
    tree = project.scanner.tree(frozenset({"pack"}), ("pack",))
    assert [file.path for file in tree.files] == ["pack/__init__.py"]


def test_where_there_are_too_many_those_beside_the_module_have_to_do(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_data, "MAX_DATA", 10)
    project.has({"pack/__init__.py": "", "pack/a.bin": "x" * 11, "one.py": "import pack, pkgutil"})
    project.has({"pack/sub/__init__.py": "__file__", "pack/sub/b.bin": "x"})
    project.has({"two.py": "import pack\npack.__file__"})
    paths = ["pack/__init__.py", "pack/sub/__init__.py", "pack/sub/b.bin"]
    assert project.paths("pack.sub") == paths
    assert project.paths("two") == ["pack/__init__.py", "two.py"]


def test_what_is_no_regular_file_is_no_data(project: Project) -> None:
    project.has({"pack/__init__.py": "__file__", "pack/a.txt": ""})
    os.mkfifo(project.root / "pack" / "pipe")
    (project.root / "pack" / "nowhere").symlink_to("nothing")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(project.root / "pack" / "socket"))
    assert project.paths("pack") == ["pack/__init__.py", "pack/a.txt"]


def test_a_package_in_an_archive_brings_its_files(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = project.root / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("outer/boxed/__init__.py", "__file__")
        file.writestr("outer/boxed/text.txt", "text")
        file.writestr("outer/boxed/.hidden/text.txt", "")
        file.writestr("outer/boxed/deep/__init__.py", "")
        file.writestr("outer/boxed/deep/text.txt", "text")
        file.writestr("outer/other/text.txt", "")
    monkeypatch.syspath_prepend(str(archive / "outer"))
    assert project.paths("boxed") == [
        "boxed/__init__.py",
        "boxed/deep/__init__.py",
        "boxed/deep/text.txt",
        "boxed/text.txt",
    ]
