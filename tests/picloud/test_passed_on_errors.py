"""Errors of one job that another one does not catch."""

import copy
import pickle

import pytest

from picloud import errors
from tests.support.job_errors import raised


def test_an_error_passed_on_by_another_job_keeps_its_type_and_tells_that_job() -> None:
    inner = raised(KeyError("k"))
    outer = raised(inner)
    assert isinstance(outer, KeyError)
    assert isinstance(outer, errors.JobError)
    assert outer.jid == 7


class OfOursError(errors.JobError):
    def __init__(self, number: int) -> None:
        super().__init__("a job of ours")
        self.number = number


@pytest.mark.parametrize(
    "inner",
    [
        errors.JobKilled("the job was killed", 5, "killed"),
        errors.JobStalled("it never ran", 5, "stalled"),
        errors.RuntimeLimitExceeded("it ran too long", 5, "error"),
        errors.ResultError("it cannot be pickled", 5, "error"),
    ],
)
def test_the_end_of_another_job_keeps_its_type_and_names_that_job(inner: errors.JobError) -> None:
    outer = raised(inner)
    assert isinstance(outer, type(inner))
    assert (outer.jid, outer.status) == (7, "error")
    assert str(outer) == f"job 5: {inner.message}"
    again = outer
    for _ in range(3):
        again = copy.copy(pickle.loads(pickle.dumps(again)))
    assert (type(again), str(again), again.jid) == (type(outer), str(outer), 7)


def test_an_error_of_the_users_own_that_is_a_job_error_keeps_type_and_attributes() -> None:
    outer = raised(OfOursError(3))
    assert isinstance(outer, OfOursError)
    assert (outer.number, str(outer), outer.jid) == (3, "a job of ours", 7)
    assert str(copy.copy(outer)) == "a job of ours"


class OwnMessageError(errors.JobError):
    def __init__(self, number: int) -> None:  # it calls none of ours
        self.number = number


def test_a_job_error_that_does_not_call_our_constructor_keeps_its_type_and_text() -> None:
    outer = raised(OwnMessageError(3))
    assert isinstance(outer, OwnMessageError)
    assert (outer.number, str(outer), outer.message, outer.jid) == (3, "3", "3", 7)


class KeywordError(Exception):
    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{code} because {reason}")
        self.code = code
        self.reason = reason


def test_an_error_with_an_odd_constructor_is_passed_on_over_any_number_of_levels() -> None:
    error: BaseException = KeywordError(3, reason="x")
    for _ in range(5):
        error = raised(error)
    assert isinstance(error, KeywordError)
    assert (error.code, error.reason, str(error)) == (3, "x", "3 because x")
    assert isinstance(error, errors.JobError)
