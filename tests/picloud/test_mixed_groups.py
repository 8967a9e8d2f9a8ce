"""Groups, and what is no `Exception`, as errors of jobs."""

import asyncio
from collections import deque
from typing import Any

import pydantic
import pytest

from picloud import errors
from tests.support.job_errors import raised
from tests.support.odd_exceptions import KeywordOnly, OwnGroup


class Stop(BaseException):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


@pytest.mark.parametrize("cls", [ExceptionGroup, OwnGroup])
def test_except_star_finds_the_members_of_a_job_s_group(cls: type[ExceptionGroup[Any]]) -> None:
    members = [ValueError(n) for n in range(100)] + [KeywordOnly(path="/p"), KeyError(1)]
    found: list[Any] = []

    def sort() -> None:
        try:
            raise raised(cls("several", members))
        except* KeywordOnly as group:
            found.extend(group.exceptions)
        except* ValueError as group:
            found.extend(group.exceptions)

    with pytest.raises(ExceptionGroup) as rest:
        sort()
    assert [type(each) for each in found] == [KeywordOnly] + [ValueError] * 100
    assert found[0].path == "/p"
    assert [repr(each) for each in rest.value.exceptions] == ["KeyError(1)"]


def test_except_star_finds_a_job_s_group_as_a_whole() -> None:
    error = raised(ExceptionGroup("several", [ValueError(1)]))
    try:
        raise error
    except* errors.JobError as group:
        assert group is error  # noqa: PT017 - pytest.raises has no star


def test_an_own_base_exception_is_mixed_in() -> None:
    error = raised(Stop(code=3))
    assert isinstance(error, Stop)
    assert isinstance(error, errors.JobError)
    assert (error.code, str(error)) == (3, "code 3")
    assert raised(error).code == 3


def test_a_base_exception_without_a_class_of_its_own_is_mixed_in() -> None:
    error = raised(BaseException("b", 2))
    assert (error.args, isinstance(error, errors.JobError)) == (("b", 2), True)


def test_a_cancellation_is_not_mixed_in() -> None:
    """Raised in a coroutine of the client it would look like the end of the client's task."""
    error = raised(asyncio.CancelledError("c"))
    assert (type(error), str(error)) == (errors.JobError, "CancelledError: c")


class SealedError(LookupError):
    def __init_subclass__(cls) -> None:
        raise TypeError("no subclasses of this")

    def __str__(self) -> str:
        return "sealed"


def test_for_a_class_that_cannot_be_inherited_from_its_nearest_base_stands() -> None:
    error = raised(SealedError("a", 3))
    assert isinstance(error, LookupError)
    assert isinstance(error, errors.JobError)
    assert not isinstance(error, SealedError)
    assert (str(error), error.args, type(error).__name__) == ("sealed", ("a", 3), "SealedError")
    assert isinstance(raised(error), LookupError)


class ClosedError(LookupError):
    """As if its state were in C: its class's own way of pickling it is no function of Python."""

    __reduce__ = deque.__reduce__  # type: ignore[assignment]

    def __str__(self) -> str:
        return "closed"


def test_for_a_class_whose_state_is_out_of_sight_its_nearest_base_stands() -> None:
    error = raised(ClosedError())
    assert isinstance(error, LookupError)
    assert isinstance(error, errors.JobError)
    assert not isinstance(error, ClosedError)
    assert str(error) == "closed"


def test_an_exception_with_its_state_in_c_comes_home_as_a_cause() -> None:
    with pytest.raises(ValueError, match="valid integer") as caught:
        pydantic.TypeAdapter(int).validate_python("x")
    error = raised(caught.value)
    assert isinstance(error, ValueError)
    assert isinstance(error, errors.JobError)
    assert str(error) == str(caught.value)
    outer = KeyError("outer")
    outer.__cause__ = caught.value
    cause = raised(outer).__cause__
    assert isinstance(cause, pydantic.ValidationError)
    assert cause.errors() == caught.value.errors()


def test_the_errors_of_other_jobs_inside_one_stay_errors_of_their_jobs() -> None:
    inner = raised(KeywordOnly(path="/p"))
    inner.add_note("noted")
    group = ExceptionGroup("several", [inner, errors.JobKilled("killed", 8, "killed")])
    group.__cause__ = inner
    for outer in (raised(group), raised(raised(group))):
        error, killed = outer.exceptions
        assert isinstance(error, KeywordOnly)
        assert isinstance(error, errors.JobError)
        assert (error.path, error.jid, error.status) == ("/p", 7, "error")
        assert [note.partition(" ")[0] for note in error.__notes__][:2] == ["Traceback", "noted"]
        assert (type(killed), killed.jid) == (errors.JobKilled, 8)
        assert outer.__cause__ is error


def test_a_group_of_base_exceptions_keeps_what_it_can() -> None:
    group = BaseExceptionGroup("b", [ValueError(1), Stop(code=3), KeyboardInterrupt("k")])
    for error in (raised(group), raised(raised(group))):
        assert isinstance(error, BaseExceptionGroup)
        assert isinstance(error, errors.JobError)
        value, stop, interrupt = error.exceptions
        assert type(value) is ValueError
        assert (isinstance(stop, Stop), stop.code) == (True, 3)
        assert (type(interrupt), str(interrupt)) == (errors.JobError, "KeyboardInterrupt: k")


def test_a_group_of_base_exceptions_in_another_keeps_its_members() -> None:
    inner = BaseExceptionGroup("inner", [Stop(code=4), KeyError(1)])
    error = raised(BaseExceptionGroup("outer", [inner]))
    assert error.subgroup(Stop).exceptions[0].exceptions[0].code == 4
    assert error.subgroup(KeyError).exceptions[0].exceptions[0].args == (1,)
