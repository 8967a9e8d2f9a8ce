"""Exceptions of users are described without fail."""

import threading
from typing import Any

import pytest

from picloud.code.exceptions import describing
from picloud.protocol.codec import Codec
from picloud.protocol.failures import Failure, FailureKind
from tests.support.odd_exceptions import STRANGE, BadStr, TwoArguments, raised


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
def test_every_failure_fits_the_wire(error: BaseException) -> None:
    failure = describing.describe(raised(error))
    codec = Codec({1: Failure})
    assert codec.decode(codec.encode([failure])) == [failure]


def test_the_message_is_what_python_prints_last() -> None:
    failure = describing.describe(ValueError("text"))
    assert (failure.kind, failure.message) == (FailureKind.EXCEPTION, "ValueError: text")
    assert describing.describe(ValueError()).message == "ValueError"
    assert "its __str__ raised ZeroDivisionError" in describing.describe(BadStr()).message


def test_the_name_of_the_class_is_qualified() -> None:
    assert describing.describe(ValueError()).type_name == "ValueError"
    name = f"{TwoArguments.__module__}.TwoArguments"
    assert describing.describe(TwoArguments(1, "")).type_name == name


def test_a_long_text_is_cut_in_the_middle() -> None:
    failure = describing.describe(ValueError("a" * 100_000 + "z"))
    assert len(failure.message) < describing.MAX_MESSAGE + 100
    assert failure.message.endswith("z")


class Handle:
    """Says which jobs it stands for, as `Job` does."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return None, ((self.first, self.first + 1),)


def test_the_handles_in_an_exception_are_noted() -> None:
    error = ValueError("no", Handle(3))
    error.job = Handle(5)  # type: ignore[attr-defined]
    error.__cause__ = KeyError(Handle(7))
    assert describing.describe(error).handles == [3, 4, 5, 6, 7, 8]
    assert describing.describe(ValueError("no")).handles is None


def test_a_part_that_stays_behind_takes_its_handles_with_it() -> None:
    assert describing.describe(ValueError([Handle(3), lock_of_a_thread()])).handles is None


def lock_of_a_thread() -> Any:
    return threading.Lock()
