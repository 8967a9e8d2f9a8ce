"""The options of one submission, and how they go with the others."""

from typing import Any

import pytest

from picloud.dependencies import Dependencies
from picloud.job_options import NO_OPTIONS, JobOptions
from picloud.session import Session
from picloud.submit_options import NO_SUBMIT_OPTIONS, SubmitOptions


def test_there_are_none_by_default() -> None:
    assert NO_OPTIONS.submit is NO_SUBMIT_OPTIONS
    assert NO_OPTIONS.bare is NO_OPTIONS
    assert NO_SUBMIT_OPTIONS.after is None
    assert not NO_SUBMIT_OPTIONS.has_callbacks


def test_they_are_no_part_of_a_spec_s_key() -> None:
    options = NO_OPTIONS.changed({"cores": 2, "depends_on": [1, 2], "callback": print})
    assert options.bare == JobOptions(cores=2)
    assert options != options.bare
    again = options.changed({"label": "x"})
    assert again.bare == JobOptions(cores=2, label="x")
    assert again.submit is options.submit
    assert options.changed({"depends_on": None, "callback": None}).submit == NO_SUBMIT_OPTIONS


def test_whether_errors_count_may_be_said_before_and_after() -> None:
    before = NO_OPTIONS.changed({"depends_on_errors": "ignore"}).changed({"depends_on": 1})
    after = NO_OPTIONS.changed({"depends_on": 1}).changed({"depends_on_errors": "ignore"})
    assert before == after
    assert before.submit.after == Dependencies([1], ignore_errors=True)


@pytest.mark.parametrize("wrong", ["stop", None, 1, True])
def test_nothing_else_can_be_done_about_errors(wrong: Any) -> None:
    with pytest.raises(ValueError, match="'abort' or 'ignore'"):
        SubmitOptions(depends_on_errors=wrong)


def test_they_are_values(session: Session) -> None:
    kept = session.options(depends_on=[3, 4], retries=2)
    assert kept == session.options(retries=2).options(depends_on=iter([4, 3]))
    assert hash(kept) == hash(session.options(retries=2, depends_on=[3, 4]))
    assert kept != session.options(retries=2, depends_on=3)
    assert repr(kept) == "options(retries=2, depends_on=<2 jobs>)"
    assert repr(session.options(depends_on=7)) == "options(depends_on=<job 7>)"


def test_an_iterator_is_read_once_when_it_is_given(session: Session) -> None:
    first = session.map(abs, [-1, -2])
    kept = session.options(depends_on=iter(first))
    assert session.result([kept.call(abs, -3), kept.call(abs, -4)]) == [3, 4]


def test_the_nearest_name_is_offered_for_these_too() -> None:
    with pytest.raises(TypeError, match="did you mean _depends_on"):
        NO_OPTIONS.with_keywords({"_depend_on": 2})
