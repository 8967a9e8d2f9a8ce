"""Each state machine's table is whole, its handlers fit their places, and its page is fresh."""

import inspect
from types import UnionType
from typing import get_args, get_type_hints

import pytest

from docs.generate import PAGES, Machine, machines, pages
from tests.architecture.source import python_files

MACHINES = machines()

each_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)


def takes(handler: object, parameter: str, kind: type) -> bool:
    """Whether a handler's annotation accepts a value of this type in this parameter."""
    hint = get_type_hints(handler)[parameter]
    members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return any(inspect.isclass(member) and issubclass(kind, member) for member in members)


def test_every_table_is_found() -> None:
    assert len(MACHINES) == len([p for p in python_files("src") if p.stem == "transitions"])


@each_machine
def test_every_state_has_a_row_and_every_row_is_a_state(machine: Machine) -> None:
    assert list(machine.table) == list(machine.states)


@each_machine
def test_every_handler_fits_its_row_and_its_column(machine: Machine) -> None:
    wrong = [
        f"{handler.__name__} at {state.__name__} × {event.__name__}"
        for state, row in machine.table.items()
        for event, handler in row.items()
        if not (takes(handler, "state", state) and takes(handler, "event", event))
    ]
    assert wrong == []


@each_machine
def test_every_handler_says_what_it_does(machine: Machine) -> None:
    assert [handler for handler in machine.handlers if not inspect.getdoc(handler)] == []


@each_machine
def test_every_state_but_the_first_is_entered_by_a_handler(machine: Machine) -> None:
    entered = {successor for _, successor in machine.edges()}
    assert set(machine.states[1:]) <= entered


def test_the_pages_of_the_machines_are_fresh() -> None:
    there = {path: path.read_text() for path in PAGES.glob("*.md")}
    assert there == pages(), "run `nox -s docs`"
