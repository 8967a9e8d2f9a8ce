"""Trees of the modules that something needs, and what is seen of changes."""

import os
import sys
import types
import zipfile
from importlib.machinery import ModuleSpec

import pytest

from picloud.code.modules import compiled
from picloud.code.modules.scanner import Scanner
from picloud.code.unshippable import Unshippable
from picloud.protocol.trees import EMPTY
from tests.support.projects import Project

LAYOUTS: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    # name: files, roots, paths of the tree
    "nothing of the user's": ({}, ["json", "picloud", "_socket", "__main__"], []),
    "one module": ({"one.py": ""}, ["one"], ["one.py"]),
    "a module that imports another": (
        {"one.py": "import two", "two.py": "", "three.py": ""},
        ["one"],
        ["one.py", "two.py"],
    ),
    "a circle of imports": (
        {"one.py": "import two", "two.py": "import one"},
        ["two"],
        ["one.py", "two.py"],
    ),
    "a submodule brings its package": (
        {"pack/__init__.py": "", "pack/sub.py": "", "pack/other.py": ""},
        ["pack.sub"],
        ["pack/__init__.py", "pack/sub.py"],
    ),
    "names taken from a package may be submodules": (
        {"one.py": "from pack import sub, name", "pack/__init__.py": "name = 1", "pack/sub.py": ""},
        ["one"],
        ["one.py", "pack/__init__.py", "pack/sub.py"],
    ),
    "relative imports": (
        {
            "pack/__init__.py": "from . import near",
            "pack/near.py": "from .deep.leaf import x",
            "pack/deep/__init__.py": "",
            "pack/deep/leaf.py": "from ..far import y\nx = 1",
            "pack/far.py": "y = 1",
        },
        ["pack"],
        [
            "pack/__init__.py",
            "pack/deep/__init__.py",
            "pack/deep/leaf.py",
            "pack/far.py",
            "pack/near.py",
        ],
    ),
    "a star takes all that lies in a package": (
        {"one.py": "from pack import *", "pack/__init__.py": "", "pack/a.py": "", "pack/b.py": ""},
        ["one"],
        ["one.py", "pack/__init__.py", "pack/a.py", "pack/b.py"],
    ),
    "a namespace package": (
        {"space/one.py": "import space.two", "space/two.py": ""},
        ["space.one"],
        ["space/one.py", "space/two.py"],
    ),
    "packages without files in others that are not loaded": (
        {
            "pack/__init__.py": "",
            "pack/bare/one.py": "from space.deep import two",
            "space/deep/two.py": "",
        },
        ["pack.bare.one"],
        ["pack/__init__.py", "pack/bare/one.py", "space/deep/two.py"],
    ),
    "imports inside functions and conditions": (
        {"one.py": "def f():\n    if 1:\n        import two", "two.py": ""},
        ["one"],
        ["one.py", "two.py"],
    ),
    "a literal dynamic import": (
        {"one.py": "from importlib import import_module\nimport_module('two')", "two.py": ""},
        ["one"],
        ["one.py", "two.py"],
    ),
    "a computed import brings the whole package": (
        {
            "pack/__init__.py": "from importlib import import_module\nimport_module('pack.' + n)",
            "pack/a.py": "",
            "pack/in/b.py": "",
            "pack/inner/__init__.py": "",
            "pack/inner/c.py": "",
        },
        ["pack"],
        [
            *("pack/__init__.py", "pack/a.py", "pack/in/b.py"),
            *("pack/inner/__init__.py", "pack/inner/c.py"),
        ],
    ),
    "a module that is not there": ({"one.py": "import nowhere.at.all"}, ["one"], ["one.py"]),
    "a module that is no Python": ({"one.py": "def ("}, ["one"], ["one.py"]),
    "what was installed stays, and what it imports": (
        {"one.py": "import pytest, json", "two.py": ""},
        ["one"],
        ["one.py"],
    ),
    "a package installed in the project": (
        {"one.py": "import installed", "site-packages/installed.py": "import one"},
        ["one"],
        ["one.py"],
    ),
    "a package of which nothing travels": (
        {"one.py": "import space.deep", "space/deep/two.py": ""},
        ["one"],
        ["one.py", "space/deep/.package"],
    ),
    "a package whose modules somebody looks for": (
        {"one.py": "import pkgutil, pack\npkgutil.iter_modules(1)", "pack/__init__.py": ""}
        | {"pack/a.py": "import two"}
        | {"two.py": ""},
        ["one"],
        ["one.py", "pack/__init__.py", "pack/a.py", "two.py"],
    ),
    "a place for packages in which somebody looks for some": (
        {"one.py": "import space\nspace.__path__", "space/a.py": "", "space/b/__init__.py": ""},
        ["one"],
        ["one.py", "space/a.py", "space/b/__init__.py"],
    ),
    "a package that a text names": (
        {"one.py": "from importlib.resources import files\nfiles('pack.sub')"}
        | {"pack/sub/__init__.py": "", "pack/sub/n": ""},
        ["one"],
        ["one.py", "pack/sub/__init__.py", "pack/sub/n"],
    ),
    "a text that only looks like a name of one": (
        {"one.py": "from importlib.resources import files\nprint('pack')", "pack/__init__.py": ""},
        ["one"],
        ["one.py"],
    ),
    "several roots": ({"one.py": "", "two.py": ""}, ["one", "two"], ["one.py", "two.py"]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tree_holds_what_is_needed(project: Project, name: str) -> None:
    files, roots, expected = LAYOUTS[name]
    assert project.has(files).paths(*roots) == expected


def test_a_tree_is_named_by_its_content(project: Project) -> None:
    project.has({"one.py": "x = 1", "two.py": "x = 1"})
    one, two = project.tree("one"), project.tree("two")
    assert one.digest != two.digest
    assert one.files[0].digest == two.files[0].digest
    assert one.files[0].content == b"x = 1"
    assert project.tree() == project.tree("json") == EMPTY


def test_nothing_is_imported_or_run(project: Project) -> None:
    project.has({"pack/__init__.py": "raise SystemExit", "pack/one.py": "raise SystemExit"})
    project.paths("pack.one")
    assert "pack" not in sys.modules


@pytest.mark.parametrize("text", ["x = 2", "x = 3\n", "import two\n"])
def test_an_edited_leaf_makes_another_tree(project: Project, text: str) -> None:
    project.has({"one.py": "import leaf", "leaf.py": "x = 1", "two.py": ""})
    before = project.settled_tree("one")
    (project.root / "leaf.py").write_text(text)
    after = project.tree("one")
    assert after.digest != before.digest
    assert ("two.py" in [file.path for file in after.files]) is ("two" in text)


def test_an_edit_is_seen_whatever_the_clock_says(project: Project) -> None:
    project.has({"one.py": "x = 1"})
    (project.root / "one.py").write_text("x = 2")
    before = project.settled_tree("one")
    state = (project.root / "one.py").stat()
    (project.root / "one.py").write_text("x = 3")
    os.utime(project.root / "one.py", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert project.tree("one").digest != before.digest


def test_a_module_that_appears_is_found(project: Project) -> None:
    project.has({"pack/__init__.py": "", "pack/one.py": "from . import late"})
    project.settled_tree("pack.one")
    before = project.paths("pack.one")
    project.writes("pack/late.py", "")
    assert project.paths("pack.one") == sorted([*before, "pack/late.py"])


def test_a_root_that_appears_is_found(project: Project) -> None:
    assert project.paths("late_root") == []
    project.writes("late_root.py", "")
    assert project.paths("late_root") == ["late_root.py"]


def test_a_module_that_goes_is_missed(project: Project) -> None:
    project.has({"one.py": "import two", "two.py": ""})
    project.settled_tree("one")
    (project.root / "two.py").unlink()
    assert project.paths("one") == ["one.py"]


def test_other_files_in_the_directory_change_nothing(project: Project) -> None:
    project.has({"one.py": ""})
    tree = project.settled_tree("one")
    project.writes("output.txt", "")
    assert project.tree("one") is tree


def test_a_loaded_module_whose_file_is_gone_goes_as_its_lines_are_known(project: Project) -> None:
    import linecache

    file = project.writes("gone.py", "x = 1\n")
    __import__("gone")
    linecache.getlines(str(file))
    file.unlink()
    (only,) = project.tree("gone").files
    assert only.content == b"x = 1\n"


def test_modules_in_an_archive_are_taken_out_of_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = project.root / "code.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped/__init__.py", "from zipped import inner")
        file.writestr("zipped/inner.py", "x = 1")
        file.writestr("zipped_too/__init__.py", "import importlib\nimportlib.import_module(name)")
        file.writestr("zipped_too/inner.py", "x = 1")
    monkeypatch.syspath_prepend(str(archive))
    assert project.paths("zipped") == ["zipped/__init__.py", "zipped/inner.py"]
    assert project.paths("zipped_too") == ["zipped_too/__init__.py", "zipped_too/inner.py"]


def test_a_compiled_module_without_its_source_travels(project: Project) -> None:
    import py_compile

    source = project.writes("secret.py", "import two")
    py_compile.compile(str(source), str(project.root / "secret.pyc"), doraise=True)
    source.unlink()
    project.writes("two.py", "")
    assert project.paths("secret") == ["secret.pyc", "two.py"]


SUFFIX = __import__("importlib.machinery").machinery.EXTENSION_SUFFIXES[0]


def test_a_compiled_extension_is_refused_with_the_way_to_it(project: Project) -> None:
    project.has({"one.py": "import two", "two.py": "import fast"})
    project.writes(f"fast{SUFFIX}", b"")
    with pytest.raises(Unshippable, match=r"fast <- two <- one: .*compiled for this machine"):
        project.tree("one")


def test_one_that_the_code_can_do_without_stays(project: Project) -> None:
    project.has({"one.py": "try:\n    import fast\nexcept ImportError:\n    fast = None"})
    project.writes(f"fast{SUFFIX}", b"")
    assert project.paths("one") == ["one.py"]


def test_where_jobs_run_on_this_machine_it_is_told_where_it_lies(project: Project) -> None:
    project.scanner = Scanner(finds_extensions=True)
    project.has({"one.py": "import fast, space.quick"})
    fast = project.writes(f"fast{SUFFIX}", b"")
    quick = project.writes(f"space/quick{SUFFIX}", b"")
    tree = project.tree("one")
    assert [file.path for file in tree.files] == [".compiled", "one.py", "space/.compiled"]
    assert compiled.files_of(tree.files[0].content) == {
        "fast": str(fast),
        "space.quick": str(quick),
    }


def test_another_build_of_it_makes_another_tree(project: Project) -> None:
    project.scanner = Scanner(finds_extensions=True)
    project.has({"one.py": "import fast"})
    project.writes(f"fast{SUFFIX}", b"")
    before = project.settled_tree("one")
    project.writes(f"fast{SUFFIX}", b"another")
    assert project.tree("one").digest != before.digest


def test_what_one_module_can_do_without_another_may_need(project: Project) -> None:
    project.has(
        {
            "one.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\nimport two",
            "two.py": "import fast",
        }
    )
    project.writes(f"fast{SUFFIX}", b"")
    with pytest.raises(Unshippable):
        project.tree("one")


def test_a_list_of_names_limits_what_travels(project: Project) -> None:
    project.has(
        {
            "one.py": "import pack.sub.leaf, two",
            "two.py": "",
            "pack/__init__.py": "",
            "pack/other.py": "",
            "pack/sub/__init__.py": "",
            "pack/sub/leaf.py": "import pack.other, two",
        }
    )
    tree = project.scanner.tree(frozenset({"one"}), ("one", "pack.sub"))
    assert [file.path for file in tree.files] == [
        "one.py",
        "pack/__init__.py",
        "pack/sub/__init__.py",
        "pack/sub/leaf.py",
    ]


def test_each_file_has_a_reason(project: Project) -> None:
    project.has(
        {
            "pack/__init__.py": "from importlib import resources",
            "pack/one.py": "",
            "pack/table.csv": "",
        }
    )
    assert project.scanner.scan(frozenset({"pack.one"})).reasons == {
        "pack/__init__.py": "named by the call",
        "pack/one.py": "named by the call",
        "pack/table.csv": "a file of pack, which reads some",
    }


def test_a_loaded_module_of_which_nothing_is_left_is_refused(project: Project) -> None:
    file = project.has({"one.py": "import wholly_gone"}).writes("wholly_gone.py", "x = 1\n")
    __import__("wholly_gone")
    file.unlink()
    with pytest.raises(Unshippable, match=r"wholly_gone <- one: .*from .*there no more"):
        project.tree("one")


def test_a_module_that_cannot_be_read_is_refused(project: Project) -> None:
    project.writes("unreadable.py", "x = 1\n")
    __import__("unreadable")
    (project.root / "unreadable.py").unlink()
    (project.root / "unreadable.py").mkdir()
    with pytest.raises(Unshippable, match="unreadable cannot be read"):
        project.tree("unreadable")


def test_a_module_from_a_loader_that_hides_its_source_is_refused(project: Project) -> None:
    file = project.writes("sealed.bin", b"")

    class Sealed:
        def create_module(self, spec: ModuleSpec) -> None:
            return None

    module = types.ModuleType("sealed")
    module.__spec__ = ModuleSpec("sealed", Sealed(), origin=str(file))  # type: ignore[arg-type]
    module.__spec__.has_location = True
    sys.modules["sealed"] = module
    with pytest.raises(Unshippable, match=r"sealed was loaded from .* by Sealed"):
        project.tree("sealed")


def test_a_file_beside_a_single_module_is_said_to_stay(project: Project) -> None:
    project.has({"leaf.py": "__file__", "table.csv": ""})
    scan = project.scanner.scan(frozenset({"leaf"}))
    assert scan.reasons == {
        "leaf.py": "named by the call; it is in no package, so files beside it stay"
    }
