"""Errors of jobs that are values again: arguments of other jobs, say."""

from typing import Any

import pytest

from picloud.code import values
from picloud.code.exceptions.describing import describe
from picloud.mixed_errors import from_failure
from picloud.protocol.jobs import JobStatus
from picloud.session import Session
from tests.support.odd_exceptions import KeywordOnly


def raised(error: BaseException) -> Any:
    """What a client sees of a job that raised this."""
    try:
        raise error  # noqa: TRY301 - for its traceback
    except BaseException as caught:  # noqa: BLE001 - any exception is tried here
        return from_failure(7, JobStatus.ERROR, describe(caught))


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
