"""Packages in which somebody looks for modules travel with all of them, and none is in the way."""

import os
import sys
import types
import zipfile

import pytest

from picloud.code.modules import modules_below, package_data, scanner
from picloud.code.modules.scanner import Scanner
from picloud.code.unshippable import Unshippable
from tests.support.projects import Project

LISTS = "import os, pack\nos.listdir(pack.__path__[0])"

LAYOUTS: dict[str, tuple[dict[str, str | bytes], list[str], list[str]]] = {
    # name: files besides `pack/__init__.py`, roots, paths of the tree besides `pack/__init__.py`
    "a module that lists those of another package": (
        {"one.py": LISTS, "pack/a.py": ""},
        ["one"],
        ["one.py", "pack/a.py"],
    ),
    "one that only reads a file of it": (
        {"one.py": "import pack\nopen(pack.__file__)", "pack/a.py": "", "pack/n.txt": ""},
        ["one"],
        ["one.py", "pack/n.txt"],
    ),
    "a package that lists its own": (
        {"pack/a.py": "from glob import glob\nglob(__file__)", "pack/b.py": ""},
        ["pack.a"],
        ["pack/a.py", "pack/b.py"],
    ),
    "one that only reads files of its own": (
        {"pack/a.py": "open(__file__)", "pack/b.py": ""},
        ["pack.a"],
        ["pack/a.py"],
    ),
    "a helper that is given the package": (
        {
            "one.py": "import pkgutil\ndef load(p): pkgutil.iter_modules(p.__path__)",
            "pack/a.py": "",
        },
        ["one", "pack"],
        ["one.py", "pack/a.py"],
    ),
    "names that no statement could import": (
        {"one.py": LISTS, "pack/0001_first.py": "", "pack/my-own.py": ""},
        ["one"],
        ["one.py", "pack/0001_first.py", "pack/my-own.py"],
    ),
    "directories without a file of their own": (
        {"one.py": LISTS, "pack/plugins/deep/a.py": "", "pack/data/n.bin": ""},
        ["one"],
        ["one.py", "pack/data/n.bin", "pack/plugins/deep/a.py"],
    ),
    "what these modules import": (
        {"one.py": LISTS, "pack/a.py": "import two", "two.py": ""},
        ["one"],
        ["one.py", "pack/a.py", "two.py"],
    ),
    "modules that are no Python": (
        {"one.py": LISTS, "pack/a.py": "print 1", "pack/old.pyc": b"\0" * 16 + b"i\5\0\0\0"},
        ["one"],
        ["one.py", "pack/a.py", "pack/old.pyc"],
    ),
    "modules that need what is not there": (
        {"one.py": LISTS, "pack/a.py": "import in_memory_only"},
        ["one"],
        ["one.py", "pack/a.py"],
    ),
    "a word that is no call": (
        {"one.py": '"""They walk, and glob."""\nimport pack\npack.__file__', "pack/a.py": ""},
        ["one"],
        ["one.py"],
    ),
    "plug-ins that list those of others": (
        {"one.py": LISTS, "pack/a.py": "import inner, os\nos.listdir(inner.__file__)"}
        | {"inner/__init__.py": "", "inner/b.py": ""},
        ["one"],
        ["inner/__init__.py", "inner/b.py", "one.py", "pack/a.py"],
    ),
    "functions that list under names of their own": (
        {"one.py": "from os import walk as w\nimport pack\nw(pack.__file__)", "pack/a.py": ""},
        ["one"],
        ["one.py", "pack/a.py"],
    ),
    "functions that list, passed on": (
        {"one.py": "import os, pack\nmap(os.listdir, [pack.__file__])", "pack/a.py": ""},
        ["one"],
        ["one.py", "pack/a.py"],
    ),
    "what walks something else": (
        {"one.py": "import ast, pack\nast.walk(pack.__file__)", "pack/a.py": ""},
        ["one"],
        ["one.py"],
    ),
    "a text that may be the name of a package": (
        {
            "one.py": "from importlib.resources import files\nfiles('pack.a')",
            "pack/a.py": "import b",
        }
        | {"b.py": "import in_memory_only"},
        ["one"],
        ["one.py", "pack/a.py", "b.py"],
    ),
    "compiled modules": (
        {"one.py": LISTS, "pack/a.py": "from pack import fast", "pack/fast.so": b""},
        ["one"],
        ["one.py", "pack/a.py"],
    ),
}


@pytest.fixture
def pack(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setitem(sys.modules, "in_memory_only", types.ModuleType("in_memory_only"))
    return project.has({"pack/__init__.py": ""})


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tree_holds_what_may_be_found(pack: Project, name: str) -> None:
    files, roots, expected = LAYOUTS[name]
    for path, content in files.items():
        pack.writes(path, content)
    assert pack.paths(*roots) == sorted([*expected, "pack/__init__.py"])


def test_what_is_needed_is_refused_all_the_same(
    pack: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_data, "MAX_DATA", 10)
    pack.has({"one.py": LISTS, "pack/a.py": "__file__", "pack/big.bin": "x" * 11})
    assert pack.paths("one") == ["one.py", "pack/__init__.py", "pack/a.py"]
    pack.has({"two.py": "import one, pack.a", "three.py": "import one, in_memory_only"})
    with pytest.raises(Unshippable, match="looks for files beside itself"):
        pack.tree("two")
    with pytest.raises(Unshippable, match="in_memory_only <- three"):
        pack.tree("three")


def test_links_that_lead_back_are_followed_once(pack: Project) -> None:
    pack.has({"one.py": LISTS, "pack/deep/a.py": ""})
    for name, target in (("itself", "itself"), ("here", "."), ("above", "../pack")):
        os.symlink(target, pack.root / "pack" / name)
    assert pack.paths("one") == ["one.py", "pack/__init__.py", "pack/deep/a.py"]


def test_links_to_directories_elsewhere_are_not_followed(pack: Project) -> None:
    pack.has({"one.py": LISTS, "far/away/a.py": "", "far/away/n.txt": ""})
    os.symlink("../far", pack.root / "pack" / "near")
    os.symlink("/", pack.root / "pack" / "root")
    assert pack.paths("one") == ["one.py", "pack/__init__.py"]


def test_many_directories_without_modules_are_not_all_gone_through(
    pack: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules_below, "_MOST_BARE", 2)
    pack.has({"one.py": LISTS, "pack/b/c/d/e.py": "", "pack/b/f.py": "", "pack/z.py": ""})
    pack.has({"pack/y/__init__.py": "", "pack/y/x.py": ""})
    assert [each.removeprefix("pack/") for each in pack.paths("one")] == [
        *("one.py", "__init__.py", "b/f.py", "y/__init__.py", "y/x.py", "z.py"),
    ]


def test_what_large_modules_import_is_not_looked_for(
    pack: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "_MOST_READ", 20)
    pack.has({"one.py": LISTS, "two.py": "", "pack/a.py": f"import two{' ' * 20}"})
    assert pack.paths("one") == ["one.py", "pack/__init__.py", "pack/a.py"]
    assert "two.py" in pack.paths("one", "pack.a")


def test_files_that_only_a_search_has_found_are_few(
    pack: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "MAX_DATA", 20)
    pack.has({"one.py": LISTS, "pack/a.py": "import models1", "pack/b.py": "import models2"})
    for name in ("models1", "models2"):
        pack.has({f"{name}/__init__.py": "__file__", f"{name}/w.bin": "x" * 6})
    assert [each for each in pack.paths("one") if each.endswith(".bin")] in (
        ["models1/w.bin"],
        ["models2/w.bin"],
    )


def test_a_file_that_cannot_be_read_is_left_out(pack: Project) -> None:
    pack.has({"one.py": LISTS})
    os.symlink("/proc/self/mem", pack.root / "pack" / "a.py")
    assert pack.paths("one") == ["one.py", "pack/__init__.py"]


def test_a_refusal_in_a_package_without_a_file_names_the_way_to_it(project: Project) -> None:
    project.has({"one.py": "import space\nspace.__path__\nimport space.a", "space/b.py": ""})
    project.has({"space/a.py": "import nowhere_but_here"})
    sys.modules["nowhere_but_here"] = types.ModuleType("nowhere_but_here")
    with pytest.raises(Unshippable, match=r"^nowhere_but_here <- space\.a <- one: "):
        project.tree("one")


def test_modules_that_appear_are_found(pack: Project) -> None:
    pack.has({"one.py": LISTS, "pack/plugins/a.py": ""})
    before = pack.settled_tree("one")
    pack.has({"pack/plugins/b.py": ""})
    assert pack.tree("one") != before
    before = pack.settled_tree("one")
    pack.has({"pack/plugins/__init__.py": ""})
    assert "pack/plugins/__init__.py" in pack.paths("one")


def test_archives_are_looked_into_as_well(pack: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack.root / "code.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped/__init__.py", "import importlib\nimportlib.import_module(name)")
        file.writestr("zipped/inner.py", "x = 1")
        file.writestr("zipped/compiled.pyc", b"")
    monkeypatch.syspath_prepend(str(archive))
    assert pack.paths("zipped") == ["zipped/__init__.py", "zipped/inner.py"]


def test_compiled_modules_are_there_where_they_lie(pack: Project) -> None:
    pack.scanner = Scanner(finds_extensions=True)
    pack.has({"one.py": LISTS}).writes("pack/fast.so", b"")
    assert "pack/.compiled" in pack.paths("one")
