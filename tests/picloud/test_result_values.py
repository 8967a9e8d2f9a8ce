"""The errors of jobs are raised with what they were raised amid in the job."""

from typing import Any

import pytest

from picloud.result_values import raise_error


def raised(error: Exception, *, amid: Exception | None = None) -> Any:
    def verb() -> None:
        if amid is None:
            raise_error(error)
        try:
            raise amid
        except type(amid):
            raise_error(error)

    with pytest.raises(type(error)) as caught:
        verb()
    assert caught.value is error
    return error


def test_the_context_from_the_job_stays() -> None:
    error, context = ValueError(), KeyError()
    error.__context__ = context
    assert raised(error).__context__ is context
    assert context.__context__ is None


def test_what_the_client_handles_comes_before_the_context_from_the_job() -> None:
    """As if the job had run there."""
    error, later, earlier, handled = ValueError(), KeyError(), TypeError(), OSError()
    error.__context__, later.__context__ = later, earlier
    assert raised(error, amid=handled).__context__ is later
    assert later.__context__ is earlier
    assert earlier.__context__ is handled


def test_without_a_context_from_the_job_it_is_what_the_client_handles() -> None:
    handled = OSError()
    assert raised(ValueError(), amid=handled).__context__ is handled
