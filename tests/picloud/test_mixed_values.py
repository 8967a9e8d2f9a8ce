"""Errors of jobs that are values again: arguments of other jobs, say."""

from typing import Any

import pytest

from picloud.code import values
from picloud.session import Session
from tests.support.job_errors import raised
from tests.support.odd_exceptions import KeywordOnly, Slotted


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


OWN = KeywordOnly.__module__


@pytest.mark.parametrize(
    "error",
    [
        KeywordOnly(path="/x"),
        ValueError("of", KeywordOnly(path="/x")),
        caused(ValueError("x"), KeywordOnly(path="/x")),
        ExceptionGroup("several", [KeywordOnly(path="/x")]),
    ],
    ids=["itself", "its argument", "its cause", "its member"],
)
def test_the_module_of_a_class_in_a_mixed_error_is_noted(error: BaseException) -> None:
    mixed = raised(raised(error))
    notes = values.Notes()
    assert type(values.loads(values.dumps([mixed], notes))[0]) is type(mixed)
    assert notes.roots == {OWN}


def test_one_without_own_classes_notes_none() -> None:
    notes = values.Notes()
    values.dumps([raised(ValueError("x"))], notes)
    assert notes.roots == set()


def test_the_module_travels_with_the_error(session: Session) -> None:
    found = session.inspect(repr, raised(KeywordOnly(path="/x")))
    assert f"{OWN.replace('.', '/')}.py" in [part.place for part in found.modules]


class Axis(Exception):  # noqa: N818 - as users write them
    """Like numpy's, which reads its slots to say what it is."""

    __slots__ = ("axis", "text")

    def __init__(self, axis: int, text: str | None = None) -> None:
        self.axis = axis
        self.text = text

    def __str__(self) -> str:
        return self.text or f"axis {self.axis}"


def test_slots_that_hold_none_come_home_over_any_number_of_levels() -> None:
    error: Any = Axis(3)
    for _ in range(3):
        error = values.loads(values.dumps([raised(error)]))[0]
        assert (str(error), error.text) == ("axis 3", None)


def test_slots_that_were_never_set_stay_so() -> None:
    error = Slotted("x")
    error.depth = None  # type: ignore[attr-defined]
    back = raised(error)
    assert back.depth is None
    assert not hasattr(back, "never_set")
