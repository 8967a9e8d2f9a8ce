"""One word, one thing.

States and events are the exception: `Running` of a job and `Running` of an attempt are both right
words. So they live in modules named `states` and `events`, and whoever is not of the same package
writes `states.Running`.
"""

import ast
from collections import defaultdict

from tests.architecture.source import ROOT, Module, modules

QUALIFIED = ("states", "events")


def is_qualified(module: Module) -> bool:
    return module.name.rpartition(".")[2] in QUALIFIED


def homes() -> dict[str, list[Module]]:
    """Class name → the modules that define one."""
    found = defaultdict(list)
    for module in modules().values():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    assert found, "no classes under src"
    return found


def test_a_class_name_means_one_thing() -> None:
    plain = {
        name: [module.name for module in where if not is_qualified(module)]
        for name, where in homes().items()
    }
    assert {name: where for name, where in plain.items() if len(where) > 1} == {}


def test_a_state_or_event_with_a_shared_name_is_written_with_its_module() -> None:
    shared = {name for name, where in homes().items() if len(where) > 1}
    wrong = [
        f"{module.path.relative_to(ROOT)}:{node.lineno} from {node.module} import {alias.name}"
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
        if alias.name in shared
        and node.module.rpartition(".")[2] in QUALIFIED
        and node.module.rpartition(".")[0] != module.package
    ]
    assert wrong == []
