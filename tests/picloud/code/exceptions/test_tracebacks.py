"""Tracebacks as texts: the whole story, and what each exception has of it."""

# ruff: noqa: TRY301 - these are exceptions as users raise them

from typing import Any

from picloud.code.exceptions import describing
from picloud.errors import JobError
from tests.support.odd_exceptions import catch


def through_ours(error: BaseException) -> None:
    """Raise it in a module of PiCloud."""
    code = compile("def result(error):\n    raise error", "of_picloud.py", "exec")
    names: dict[str, Any] = {"__name__": "picloud.somewhere"}
    exec(code, names)
    names["result"](error)


def test_the_traceback_shows_lines_and_causes() -> None:
    def job() -> None:
        try:
            raise KeyError("first")  # line one
        except KeyError as error:
            raise ValueError("second") from error  # line two

    text = describing.describe(catch(job)).traceback
    assert "# line one" in text
    assert "# line two" in text
    assert "direct cause" in text
    assert text.endswith("ValueError: second\n")


def test_the_traceback_of_another_job_s_error_ends_with_the_user_s_line() -> None:
    def job() -> None:
        through_ours(JobError("of a child"))

    def careful() -> None:
        try:
            through_ours(JobError("of a child"))
        except JobError as error:
            raise ExceptionGroup("several", [ValueError("mine"), error]) from error

    for each in (job, careful):
        text = describing.describe(catch(each)).traceback
        assert "names[" in text
        assert "JobError: of a child" in text
        assert "of_picloud.py" not in text


def test_the_traceback_of_any_other_error_shows_what_is_ours() -> None:
    def job() -> None:
        through_ours(KeyError("a fault of ours"))

    assert "of_picloud.py" in describing.describe(catch(job)).traceback
