"""Values of which nothing but handles of jobs needs a look."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from picloud.code import values
from picloud.code.handle_pickling import dumps_handles
from picloud.code.notes import Notes
from picloud.job import Job, JobMap

SHORT = {
    "a handle": lambda: Job(3),
    "a map": lambda: JobMap([range(3, 9), range(20, 40, 2)]),
    "handles among the arguments": lambda: ((Job(3), 5, "text"), {"more": Job(4)}),
    "a list of handles": lambda: (([Job(3), Job(5)], 1), {}),
    "a tuple of handles": lambda: (((Job(3), Job(4)),), {}),
    "lists in lists": lambda: [[Job(3)], (Job(5), None)],
}

OTHERS = {
    "no handle": lambda: [1, "text", (2.5,)],
    "a set": lambda: {Job(3)},
    "a dict": lambda: {"job": Job(3)},
    "an object": lambda: [Job(3), Notes()],
    "a subclass of a plain type": lambda: [Job(3), type("Mine", (int,), {})(5)],
    "what is nested deeply": lambda: [[[[Job(3)]]]],
    "many of them": lambda: [Job(n) for n in range(65)],
    "many in small lists": lambda: [[Job(n)] * 8 for n in range(9)],
    "a list that holds itself": lambda: endless(),
    "a long text": lambda: [Job(3), "x" * 65],
    "long bytes": lambda: [Job(3), b"x" * 65],
}


def endless() -> list[Any]:
    items: list[Any] = [Job(3)]
    items.append(items)
    return items


def everything(notes: Notes) -> tuple[Any, ...]:
    return notes.handles, notes.origins, notes.roots


@pytest.mark.parametrize("make", SHORT.values(), ids=SHORT.keys())
def test_they_take_the_short_cut_and_arrive_as_they_do_without_it(make: Callable[[], Any]) -> None:
    value, notes, usual = make(), Notes(), Notes()
    data = dumps_handles(value, notes)
    assert data is not None
    assert pickle.loads(data) == pickle.loads(values._pickled(value, usual)) == value
    assert everything(notes) == everything(usual)
    assert notes.handles


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS.keys())
def test_others_do_not_and_nothing_is_noted(make: Callable[[], Any]) -> None:
    notes = Notes()
    assert dumps_handles(make(), notes) is None
    assert everything(notes) == ([], {}, set())


def test_a_class_that_lets_nobody_look_is_not_asked() -> None:
    class Stubborn(type):
        def __getattribute__(cls, name: str) -> Any:
            raise LookupError(name)

    class Item(metaclass=Stubborn):
        pass

    assert dumps_handles([object.__new__(Item)], Notes()) is None


def test_what_breaks_in_it_is_told_as_elsewhere() -> None:
    torn = Job(3)
    torn._grant = (1,)  # type: ignore[assignment]
    with pytest.raises(values.Unpicklable, match="Job"):
        values.dumps([torn], Notes())
