"""Results loaded, and the errors of jobs raised with what they were raised amid in the job."""

import importlib
from pathlib import Path
from typing import Any, cast

import pytest

from picloud.errors import ResultError
from picloud.job import HandleSession
from picloud.result_values import raise_error, value_of
from picloud.session import Session


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


def test_a_result_of_a_class_that_an_edit_has_added_says_that_the_module_is_to_be_reloaded(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, handles = tmp_path / "edited_since.py", cast("HandleSession", session)
    path.write_text("class A: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("edited_since")

    def result_of(name: str) -> Any:
        return value_of(5, f"cedited_since\n{name}\n.".encode(), False, handles)

    for name in ("B", "B.Inner"):
        with pytest.raises(ResultError, match=r"on <module 'edited_since' from [^;]*$"):
            result_of(name)
    path.write_text("class A: pass\n\nclass B:\n    class Inner: pass\n")
    for name in ("B", "B.Inner"):
        with pytest.raises(ResultError, match=r"a newer version of module edited_since .*reload"):
            result_of(name)
    importlib.invalidate_caches()
    importlib.reload(module)
    assert result_of("B") is module.B
    with pytest.raises(ResultError, match=r"on <module 'edited_since' from [^;]*$"):
        result_of("B.Never")
