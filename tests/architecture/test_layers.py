"""Who may import whom.

A module imports only from layers with a smaller number, from its own row of the table, and, in the
rows named in SHARED, from its neighbours. Imports under TYPE_CHECKING and inside functions obey
the same table.
"""

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.source import Import, Module, imports, modules, within

LAYERS = {
    "picloud.statemachine": 0,
    "picloud.inside": 0,
    "picloud.protocol": 1,
    "picloud_worker.pipe": 1.5,  # what is private to a worker as its protocol is to all
    "picloud.code": 2,
    "picloud.errors": 2,
    "picloud_master.core": 2,
    "picloud_worker.core": 2,
    "picloud.aio": 3,
    "picloud.blobs": 3,
    "picloud": 4,  # the client's modules
    "picloud_master.runtime": 4,
    "picloud_worker.runtime": 4,
    "picloud_worker.interpreter": 4.5,  # jobs use the client's modules
    "picloud_master.api": 5,
    "picloud_master.store": 5,
    "picloud_master.provisioners": 5,
    "picloud_worker.uplink": 5,
    "picloud_worker.files": 5,
    "picloud_worker.interpreters": 5,
    "picloud_worker.sandbox": 5,
    "picloud.cli": 6,
    "picloud.config": 6,
    "picloud_master.guard": 0,
    "picloud_master.app": 6,
    "picloud_master.config": 6,
    "picloud_master.__main__": 6,
    "picloud_worker.state": 5,
    "picloud_worker.boot": 6,
    "picloud_worker.serving": 6,
    "picloud_worker.app": 6,
    "picloud_worker.config": 6,
    "picloud_worker.__main__": 6,
    "picloud.local": 7,  # the embedded cloud builds a master and a worker
    "picloud.testing": 7,  # virtual clouds, of the cores of both
    "picloud.current": 8,  # chooses the cloud that the module-level verbs use
    "picloud.default_verbs": 8,
}
SHARED = {2, 6, 8}  # in these rows the modules of one distribution package may import one another

# What the packages may use of each other, whatever the numbers say.
FOUNDATION = {
    "picloud": [],
    "picloud_master": [
        "picloud.statemachine",
        "picloud.protocol",
        "picloud.aio",
        "picloud.blobs",
    ],
    "picloud_worker": [
        "picloud.statemachine",
        "picloud.protocol",
        "picloud.aio",
        "picloud.blobs",
        "picloud.code",
        "picloud.errors",
        "picloud.inside",
        "picloud.nested",
    ],
}
EMBEDDED = "picloud.local"  # may import master and worker, inside its functions
VIRTUAL = "picloud.testing"  # may import them at its top: nothing that users run imports it

PURE = [
    "picloud.statemachine",
    "picloud.protocol",
    "picloud_master.core",
    "picloud_worker.core",
    "picloud_worker.pipe",
]
IMPURE = {
    "asyncio",
    "datetime",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
UNPICKLERS = {"cloudpickle", "dill", "marshal", "pickle", "picloud.code", "shelve"}

# Each library that is not Python's own, and the modules that know of it.
LIBRARIES = {
    "aiohttp": ["picloud.aio.websocket", "picloud_master.api.server", "picloud_worker.uplink"],
    "cloudpickle": ["picloud.code"],
    "msgpack": ["picloud.protocol"],
    "uv": ["picloud.aio.installer"],
    "uvloop": ["picloud.aio.loop_thread", "picloud_master.__main__", "picloud_worker.__main__"],
    "xxhash": ["picloud.blobs"],
}

# Names its layers' modules lazily for checkers and loads none of them: test_imports watches it.
FACADE = "picloud"


def row_of(name: str) -> str | None:
    """The table's most exact row for a module."""
    rows = [row for row in LAYERS if within(name, row)]
    return max(rows, key=len, default=None)


def top_of(name: str) -> str:
    return name.partition(".")[0]


def is_bare_package(module: Module) -> bool:
    """The `__init__` of a whole package, which has no row of its own: it imports nothing."""
    return module.is_package and module.name in ("picloud_master", "picloud_worker")


def imports_of_ours() -> list[Import]:
    found = [each for each in imports() if top_of(each.target) in FOUNDATION]
    return [each for each in found if each.importer.name != FACADE]


def is_downward(each: Import) -> bool:
    importer, target = row_of(each.importer.name), row_of(each.target)
    if importer is None or target is None:
        return False
    if importer == target or LAYERS[target] < LAYERS[importer]:
        return True
    is_neighbour = top_of(importer) == top_of(target) and LAYERS[importer] == LAYERS[target]
    return is_neighbour and LAYERS[importer] in SHARED


def is_over_the_wall(each: Import) -> bool:
    own = top_of(each.importer.name)
    if top_of(each.target) == own:
        return False
    if within(each.importer.name, VIRTUAL):
        return False
    if within(each.importer.name, EMBEDDED):
        return not each.in_function
    return not any(within(each.target, package) for package in FOUNDATION[own])


def listed(wrong: list[Import]) -> str:
    return "\n" + "\n".join(map(str, wrong))


def test_every_module_has_a_place_in_the_table() -> None:
    homeless = [
        module.name
        for module in modules().values()
        if row_of(module.name) is None and not is_bare_package(module)
    ]
    assert homeless == []


def test_a_module_imports_only_from_smaller_numbers() -> None:
    wrong = [each for each in imports_of_ours() if not is_downward(each)]
    assert not wrong, listed(wrong)


def test_packages_know_of_each_other_only_what_the_foundation_lists() -> None:
    wrong = [each for each in imports_of_ours() if is_over_the_wall(each)]
    assert not wrong, listed(wrong)


def test_only_tests_use_virtual_clouds() -> None:
    wrong = [
        each
        for each in imports()
        if within(each.target, VIRTUAL) and not within(each.importer.name, VIRTUAL)
    ]
    assert not wrong, listed(wrong)


def test_nothing_the_master_reaches_can_unpickle() -> None:
    wrong: list[Import] = []
    todo, seen = [name for name in modules() if top_of(name) == "picloud_master"], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        reached = [each for each in imports() if each.importer.name == name != FACADE]
        wrong += [each for each in reached if any(within(each.target, u) for u in UNPICKLERS)]
        todo += [each.target for each in reached if each.target in modules()]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_touches_nothing_of_the_world(package: str) -> None:
    wrong = [
        each
        for each in imports()
        if within(each.importer.name, package) and top_of(each.target) in IMPURE
    ]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_has_no_coroutines(package: str) -> None:
    wrong = [
        f"{module.name}:{node.lineno}"
        for module in modules().values()
        if within(module.name, package)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert wrong == []


def test_an_interpreter_asks_for_what_takes_time_only_inside_a_function() -> None:
    wrong = [
        each
        for each in imports()
        if within(each.importer.name, "picloud_worker.interpreter")
        and any(
            within(each.target, package) for package in ("asyncio", "picloud.aio", "picloud.nested")
        )
        and not (each.in_function or each.for_checkers)
    ]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_only_where_the_table_says(library: str) -> None:
    wrong = [
        each
        for each in imports()
        if top_of(each.target) == library
        and not any(within(each.importer.name, place) for place in LIBRARIES[library])
    ]
    assert not wrong, listed(wrong)


def test_no_other_library_is_used() -> None:
    known = {*sys.stdlib_module_names, *FOUNDATION, *LIBRARIES}
    wrong = [each for each in imports() if top_of(each.target) not in known]
    assert not wrong, listed(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for each in imports():
        if each.target in graph and not each.in_function and each.importer.name != FACADE:
            graph[each.importer.name].add(each.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"{error.args[0]}: {' -> '.join(error.args[1])}")
