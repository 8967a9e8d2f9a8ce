"""Modules that keep a call from being made: in memory only, broken, or not there at all."""

import importlib.util
import types
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any

import cloudpickle
import pytest

from picloud.code.unshippable import Unshippable
from tests.support.projects import Project, make_module


def test_a_module_in_memory_is_refused_with_the_way_to_it(project: Project) -> None:
    project.has({"one.py": "import two", "two.py": "from in_memory import x"})
    make_module("in_memory")
    with pytest.raises(Unshippable, match=r"^in_memory <- two <- one: .*memory of this program"):
        project.tree("one")


def test_one_that_is_made_after_a_scan_is_refused_then(project: Project) -> None:
    project.has({"one.py": "def f():\n    import in_memory"})
    assert project.paths("one") == ["one.py"]
    make_module("in_memory")
    with pytest.raises(Unshippable, match="in_memory"):
        project.tree("one")


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "try:\n    import in_memory\nexcept ImportError:\n    pass",
        "import sys, types\nsys.modules['in_memory'] = types.ModuleType('in_memory')\n"
        "import in_memory",
    ],
)
def test_one_that_nobody_needs_or_that_own_code_makes_is_not_refused(
    project: Project, source: str
) -> None:
    project.has({"one.py": source})
    make_module("in_memory")
    assert project.paths("one") == ["one.py"]


def test_one_that_is_limited_away_is_not_refused(project: Project) -> None:
    project.has({"one.py": "import in_memory"})
    make_module("in_memory")
    tree = project.scanner.tree(frozenset({"one", "in_memory"}), ("one",))
    assert [file.path for file in tree.files] == ["one.py"]


def test_one_below_a_package_is_made_by_the_package(project: Project) -> None:
    project.has({"one.py": "import pack.made, json.made", "pack/__init__.py": ""})
    make_module("pack.made")
    make_module("json.made")
    assert project.paths("one") == ["one.py", "pack/__init__.py"]


def test_one_that_travels_by_value_is_not_refused(project: Project) -> None:
    module = make_module("in_memory")
    cloudpickle.register_pickle_by_value(module)
    try:
        assert project.paths("in_memory") == []
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def test_one_of_a_loader_of_the_users_own_is_refused(project: Project) -> None:
    project.has({"loading.py": "class Loader:\n    pass"})
    loader = project.loads("loading").Loader()
    make_module("in_memory").__spec__ = ModuleSpec("in_memory", loader)
    with pytest.raises(Unshippable, match="in_memory"):
        project.tree("in_memory")


def test_one_of_a_loader_that_is_installed_is_not_refused(project: Project) -> None:
    loader: Any = types.SimpleNamespace()
    make_module("in_memory").__spec__ = ModuleSpec("in_memory", loader)
    assert project.paths("in_memory") == []


def test_a_loaded_module_that_is_broken_by_now_is_refused(project: Project) -> None:
    project.has({"one.py": "def f():\n    import two", "two.py": "x = 1"})
    project.loads("two")
    project.writes("two.py", "x = 1\ndef (:\n")
    with pytest.raises(Unshippable, match=r"^two <- one: .*two\.py, line 2: .*def \(:"):
        project.tree("one")


def test_so_is_one_that_a_loaded_one_imports_in_any_case(project: Project) -> None:
    project.writes("one.py", "")
    project.loads("one")
    project.has({"one.py": "import pack.two", "pack/__init__.py": "", "pack/two.py": "def (:"})
    with pytest.raises(Unshippable, match=r"pack\.two <- one"):
        project.tree("one")


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    import two",
        "if False:\n    import two",
        "try:\n    import two\nexcept ImportError:\n    pass",
    ],
)
def test_one_that_may_never_be_imported_travels_as_it_is(project: Project, source: str) -> None:
    project.has({"one.py": source, "two.py": "def (:"})
    project.loads("one") if "try" not in source else project.loads("json")
    assert project.paths("one") == ["one.py", "two.py"]


def test_one_that_is_read_by_another_loader_travels_as_it_is(project: Project) -> None:
    class Loader(SourceFileLoader):
        """Knows a language of its own."""

    file = project.writes("other.py", "this is no Python")
    make_module("other").__spec__ = importlib.util.spec_from_file_location(
        "other", file, loader=Loader("other", str(file))
    )
    assert project.paths("other") == ["other.py"]


def test_a_list_with_a_name_of_no_module_is_refused(project: Project) -> None:
    project.has({"one.py": "", "pack/__init__.py": "", "pack/leaf.py": ""})
    for name, near in [
        ("on", "'one'"),
        ("pack.leav", "'pack.leaf'"),
        ("jsn", "'json'"),
    ]:
        with pytest.raises(ValueError, match=f"there is no module '{name}' here.*{near}"):
            project.scanner.tree(frozenset(), (name,))
    with pytest.raises(ValueError, match=r"there is no module 'zzzzzz' here$"):
        project.scanner.tree(frozenset({"one"}), ("one", "zzzzzz"))
    project.scanner.tree(frozenset(), ("pack", "pack.leaf", "json", "pytest"))
