"""Exceptions that are values travel whatever their constructor; others are left to Python."""

# ruff: noqa: N818 - these are exceptions as users write them

import copyreg
import dataclasses
from typing import Any

import pytest

from picloud.code import values
from picloud.code.exceptions.state import reduce_exception
from tests.support.odd_exceptions import (
    Frozen,
    KeywordOnly,
    OwnGroup,
    OwnMemory,
    OwnNew,
    ReadOnly,
    Slotted,
    TwoArguments,
)


@dataclasses.dataclass(frozen=True)
class Refused(OSError):
    code: int
    text: str = dataclasses.field(default="no", kw_only=True)


def slotted() -> Slotted:
    error = Slotted("x")
    error.depth = 3  # type: ignore[attr-defined]
    return error


def there_and_back(value: Any) -> Any:
    return values.loads(values.dumps(value))


@pytest.mark.parametrize(
    "error",
    [
        TwoArguments(4, "four"),
        KeywordOnly(path="/x"),
        OwnNew(wanted=5),
        OwnMemory(4, "four"),
        ReadOnly(7),
        Frozen("a"),
        slotted(),
        Refused(4, text="no"),
        OwnGroup("own", [KeyError(2), KeywordOnly(path="/x")]),
        FileNotFoundError(2, "gone", "name"),
        ExceptionGroup("several", [ValueError(1)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_is_a_value(error: Any) -> None:
    vars(error)["__notes__"] = ["noted"]
    [back] = there_and_back([error])
    assert (type(back), str(back), repr(back.args)) == (type(error), str(error), repr(error.args))
    for name in ("code", "path", "wanted", "status", "depth", "errno", "filename", "__notes__"):
        assert getattr(back, name, None) == getattr(error, name, None)


def test_a_slot_that_holds_none_holds_it_and_one_that_was_never_set_stays_so() -> None:
    error = Slotted("x")
    error.depth = None  # type: ignore[attr-defined]
    [back] = there_and_back([error])
    assert back.depth is None
    assert not hasattr(back, "never_set")


def test_an_exception_made_on_the_spot_is_a_value() -> None:
    class Local(Exception):
        def __init__(self, *, code: int) -> None:
            self.code = code

    back = there_and_back({"error": Local(code=3)})["error"]
    assert (type(back), back.code) == (Local, 3)


def test_an_exception_that_is_met_twice_stays_one() -> None:
    error = KeywordOnly(path="/x")
    error.others = [error]  # type: ignore[attr-defined]
    first, second = there_and_back((error, [error]))
    assert second[0] is first
    assert first.others[0] is first


class SaysHow(KeywordOnly):
    def __reduce__(self) -> Any:
        return ValueError, ("what it has become",)


class Kept(KeywordOnly):
    def __getstate__(self) -> Any:
        return {"path": "left out"}


class Registered(KeywordOnly):
    pass


def test_a_class_that_says_how_it_is_pickled_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(there_and_back(SaysHow(path="/x"))) == "ValueError('what it has become')"
    monkeypatch.setitem(copyreg.dispatch_table, Registered, SaysHow.__reduce__)
    assert repr(there_and_back(Registered(path="/x"))) == "ValueError('what it has become')"
    assert reduce_exception(Kept(path="/x")) is NotImplemented


def test_what_holds_something_that_cannot_travel_is_refused() -> None:
    error = KeywordOnly(path="/x")
    error.made_by = (each for each in ())  # type: ignore[attr-defined]
    with pytest.raises(values.Unpicklable, match=r"made_by.*generator"):
        values.dumps(error)


class Handle:
    """Says which job it stands for, as `Job` does."""

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return None, ((5, 6),)


def test_the_handles_in_it_are_noted() -> None:
    error = KeywordOnly(path="/x")
    error.job = Handle()  # type: ignore[attr-defined]
    notes = values.Notes()
    values.dumps([error], notes)
    assert notes.handles == [5, 6]
