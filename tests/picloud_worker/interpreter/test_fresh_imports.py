"""How interpreters find what does not lie in the tree."""

import markupsafe._speedups

from picloud.code.modules.compiled import InPlaceLoader
from picloud_worker.interpreter.fresh_imports import InPlaceFinder

FILE = markupsafe._speedups.__file__


def test_a_compiled_module_is_found_by_its_name_where_it_lies() -> None:
    spec = InPlaceFinder("/tree", {"pack._speedups": FILE}).find_spec("pack._speedups")
    assert spec is not None
    assert spec.origin == FILE
    assert isinstance(spec.loader, InPlaceLoader)
    assert spec.submodule_search_locations is None


def test_a_compiled_package_has_the_rest_of_its_modules_in_the_tree() -> None:
    file = "/project/a/pack/__init__.abi3.so"
    spec = InPlaceFinder("/tree", {"a.pack": file}).find_spec("a.pack", ["/tree/a"])
    assert spec is not None
    assert spec.submodule_search_locations == ["/tree/a/pack"]


def test_nothing_else_is_found() -> None:
    assert InPlaceFinder("/tree", {"pack._speedups": FILE}).find_spec("_speedups") is None
