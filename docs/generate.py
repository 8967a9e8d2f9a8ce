"""Writes docs/machines/: one page per state machine, read from its transition table.

Exits with 1 when a page was stale, after writing it anew.
"""

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, UnionType
from typing import TypeGuard

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "machines"

Handler = Callable[..., object]


@dataclass(frozen=True)
class Machine:
    """One actor's table, and the states that it is about."""

    name: str
    module: ModuleType
    states: tuple[type, ...]
    table: dict[type, dict[type, Handler]]

    @property
    def events(self) -> list[type]:
        """The table's columns, in the order of first mention."""
        return list(dict.fromkeys(event for row in self.table.values() for event in row))

    @property
    def handlers(self) -> list[Handler]:
        """Every handler once, in the order of first mention."""
        return list(dict.fromkeys(h for row in self.table.values() for h in row.values()))

    def edges(self) -> dict[tuple[type, type], list[type]]:
        """(From, to) → the events that may lead there; staying is no edge."""
        found: dict[tuple[type, type], list[type]] = {}
        for state, row in self.table.items():
            for event, handler in row.items():
                for successor in self._built_by(handler):
                    if successor is not state:
                        found.setdefault((state, successor), []).append(event)
        return found

    def _built_by(self, handler: Handler) -> list[type]:
        """The states that a handler makes, itself or through functions of its own package."""
        built: set[type] = set()
        todo, seen = [handler], set()
        while todo:
            function = todo.pop()
            seen.add(function)
            for thing in _made_by(function):
                kind = thing if inspect.isclass(thing) else type(thing)
                if kind in self.states:
                    built.add(kind)
                elif self._is_own_function(thing) and thing not in seen:
                    todo.append(thing)
        return [state for state in self.states if state in built]

    def _is_own_function(self, thing: object) -> TypeGuard[Handler]:
        package = self.module.__package__ or ""
        return inspect.isfunction(thing) and thing.__module__.startswith(package)


def machines() -> list[Machine]:
    """Every machine under src: each module `transitions` with its neighbour `states`."""
    return [_machine(path) for path in sorted((ROOT / "src").rglob("transitions.py"))]


def pages() -> dict[Path, str]:
    """What docs/machines should hold."""
    return {PAGES / f"{machine.name}.md": _page(machine) for machine in machines()}


def _machine(path: Path) -> Machine:
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    module = importlib.import_module(name)
    package = name.rpartition(".")[0]
    states = importlib.import_module(f"{package}.states")
    (union,) = [
        value
        for key, value in vars(states).items()
        if key.endswith("State") and isinstance(value, UnionType)
    ]
    return Machine(package.rpartition(".")[2], module, union.__args__, module.TRANSITIONS)


def _made_by(function: Handler) -> Iterator[object]:
    """What a function's body calls, and the constants that it names."""
    known = getattr(function, "__globals__", {})
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield known.get(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)):
                yield getattr(known.get(name), attribute, None)
            case ast.Name(id=name) if not inspect.isclass(known.get(name)):
                yield known.get(name)


def _page(machine: Machine) -> str:
    parts = [
        f"# The {machine.name} machine",
        f"Generated from `{machine.module.__name__}` by `nox -s docs`; do not edit.",
        "## How the states follow each other",
        _diagram(machine),
        "## What answers each event in each state",
        "An empty cell is an `InvalidTransition`: a bug, raised with the actor's story.",
        _matrix(machine),
        "## The handlers",
        "\n".join(f"- **{_name(h)}**: {_first_line(h)}" for h in machine.handlers),
    ]
    return "\n\n".join(parts) + "\n"


def _diagram(machine: Machine) -> str:
    edges = machine.edges()
    left = {state for state, _ in edges}
    lines = [
        f"[*] --> {_name(machine.states[0])}",
        *(
            f"{_name(a)} --> {_name(b)}: {', '.join(map(_name, events))}"
            for (a, b), events in edges.items()
        ),
        *(f"{_name(state)} --> [*]" for state in machine.states if state not in left),
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def _matrix(machine: Machine) -> str:
    rows = [
        ["event", *map(_name, machine.states)],
        ["---"] * (len(machine.states) + 1),
        *(
            [f"**{_name(event)}**", *(_cell(machine, state, event) for state in machine.states)]
            for event in machine.events
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(machine: Machine, state: type, event: type) -> str:
    handler = machine.table.get(state, {}).get(event)
    return _name(handler) if handler else ""


def _name(thing: object) -> str:
    return str(getattr(thing, "__name__", thing))


def _first_line(handler: Handler) -> str:
    return (inspect.getdoc(handler) or "(no docstring)").splitlines()[0]


def main() -> int:
    """Write the pages; 1 if any was not what it should be."""
    wanted = pages()
    there = {path: path.read_text() for path in PAGES.glob("*.md")}
    PAGES.mkdir(exist_ok=True)
    for path in there.keys() - wanted.keys():
        path.unlink()
    stale = sorted(path.name for path in wanted | there if wanted.get(path) != there.get(path))
    for path, text in wanted.items():
        path.write_text(text)
    print(f"{len(wanted)} pages; stale: {', '.join(stale) or 'none'}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
