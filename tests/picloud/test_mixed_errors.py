"""Failures to exceptions of both kinds."""

# ruff: noqa: TRY301 - these are exceptions as users raise them

import copy
import pickle
import sys
import traceback
import types
from typing import Any

import pytest

from picloud import errors
from picloud.code import values
from picloud.code.exceptions.describing import describe
from picloud.mixed_errors import from_failure
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobStatus
from tests.support.job_errors import raised


class TwoArgumentsError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"<{self.code} because {self.reason}>"


class WithStatusError(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class SealedError(Exception):
    def __init_subclass__(cls) -> None:
        raise TypeError("no subclasses of this")


class SlottedError(Exception):
    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        self.detail = detail


@pytest.mark.parametrize(
    "original",
    [
        ValueError("a", 1),
        KeyError("k"),
        OSError(2, "no such file", "f.txt"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad byte"),
        ZeroDivisionError(),
        TwoArgumentsError(3, "x"),
        SlottedError("d"),
        ExceptionGroup("several", [ValueError(1), KeyError(2)]),
        ImportError("no", name="n", path="p"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_a_job_error_and_what_the_job_raised(original: Exception) -> None:
    error = raised(original)
    assert isinstance(error, errors.JobError)
    assert isinstance(error, type(original))
    assert (str(error), repr(error.args)) == (str(original), repr(original.args))
    assert (error.jid, error.status) == (7, "error")
    for name in ("errno", "filename", "code", "reason", "detail", "name", "start", "message"):
        if hasattr(original, name):
            assert getattr(error, name) == getattr(original, name)


def test_the_remote_traceback_is_a_note() -> None:
    error = raised(ValueError("a"))
    [note] = error.__notes__
    assert note.startswith("Traceback")
    assert "raise error" in note
    assert note.endswith("ValueError: a")


def test_attributes_of_the_original_win() -> None:
    error = raised(WithStatusError(404))
    assert error.status == 404  # type: ignore[comparison-overlap]
    assert error.jid == 7


@pytest.mark.parametrize("original", [SealedError("x"), StopIteration(3), StopAsyncIteration()])
def test_what_cannot_be_mixed_in_is_a_plain_job_error(original: Exception) -> None:
    error = raised(original)
    assert type(error) is errors.JobError
    assert error.__notes__


@pytest.mark.parametrize("original", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_programs_is_never_mixed_in(original: BaseException) -> None:
    assert type(raised(original)) is errors.JobError


@pytest.mark.parametrize("clone", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("original", [TwoArgumentsError(3, "x"), OSError(2, "gone"), KeyError("k")])
def test_errors_can_be_pickled(original: Exception, clone: Any) -> None:
    error = raised(original)
    again = clone(error)
    assert type(again) is type(error)
    assert (str(again), again.args, again.jid) == (str(error), error.args, 7)
    assert again.__notes__ == error.__notes__


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        (FailureKind.SERIALIZATION, errors.SerializationError),
        (FailureKind.EXIT, errors.JobError),
        (FailureKind.SIGNAL, errors.JobError),
        (FailureKind.MEMORY, errors.MemoryLimitExceeded),
        (FailureKind.RUNTIME, errors.RuntimeLimitExceeded),
        (FailureKind.WORKER_LOST, errors.WorkerLost),
        (FailureKind.KILLED, errors.JobKilled),
    ],
)
def test_each_kind_of_failure_has_its_class(kind: FailureKind, cls: type[Exception]) -> None:
    error = from_failure(1, JobStatus.ERROR, Failure(kind, "why it ended"))
    assert isinstance(error, cls)
    assert isinstance(error, errors.JobError)
    assert str(error) == "why it ended"


def test_a_stalled_job_has_a_class_of_its_own() -> None:
    failure = Failure(FailureKind.KILLED, "job 1 was killed")
    error = from_failure(1, JobStatus.STALLED, failure)
    assert (type(error), error.status) == (errors.JobStalled, "stalled")


def test_an_exception_that_could_not_travel_is_told_by_its_text() -> None:
    failure = Failure(FailureKind.EXCEPTION, "Odd: no", "mod.Odd", "Traceback ...", b"")
    error = from_failure(1, JobStatus.ERROR, failure)
    assert (type(error), str(error)) == (errors.JobError, "Odd: no")
    assert error.__notes__ == ["Traceback ..."]


class MoreMemoryError(MemoryError):
    pass


class OursAndMemoryError(TwoArgumentsError, MemoryError):
    pass


class ValueAndOSError(ValueError, OSError):
    pass


@pytest.mark.parametrize(
    "original",
    [
        MemoryError("full"),
        MemoryError(),
        MoreMemoryError("full"),
        OursAndMemoryError(1, "full"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_class_with_a_constructor_in_c_is_mixed_in_wherever_it_stands(
    original: Exception,
) -> None:
    error = raised(original)
    assert isinstance(error, errors.JobError)
    assert isinstance(error, type(original))
    assert (str(error), error.args) == (str(original), original.args)
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


def test_of_several_built_in_bases_the_one_with_fields_gets_the_arguments() -> None:
    error = raised(ValueAndOSError(2, "gone"))
    assert isinstance(error, ValueAndOSError)
    assert (error.args, error.errno, error.strerror) == ((2, "gone"), 2, "gone")


class StubbornError(Exception):
    def __setattr__(self, name: str, item: Any) -> None:
        raise TypeError("frozen")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class ExitsWhenMixedError(Exception):
    def __init_subclass__(cls) -> None:
        raise SystemExit(4)


class WithoutDictError(Exception):
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return types.MappingProxyType({})


def test_an_exception_that_allows_no_change_is_mixed_in_with_its_traceback() -> None:
    error = raised(StubbornError("x"))
    assert isinstance(error, StubbornError)
    assert isinstance(error, errors.JobError)
    assert error.__notes__[0].startswith("Traceback")


@pytest.mark.parametrize("original", [ExitsWhenMixedError("x"), WithoutDictError("x")])
def test_an_exception_whose_mixing_fails_is_a_job_error_with_its_text_and_notes(
    original: Exception,
) -> None:
    original.add_note("noted")
    error = raised(original)
    assert type(error) is errors.JobError
    assert str(error) == f"{type(original).__name__}: x"
    assert error.__notes__[0] == "noted"
    assert error.__notes__[1].startswith("Traceback")


class EndsTheProgram:
    def __reduce__(self) -> Any:
        return sys.exit, (5,)


def test_an_exception_that_ends_the_program_when_it_is_loaded_is_told_by_its_text() -> None:
    data = pickle.dumps(EndsTheProgram())
    failure = Failure(FailureKind.EXCEPTION, "Odd: x", "mod.Odd", "Traceback ...", data)
    error = from_failure(1, JobStatus.ERROR, failure)
    assert (type(error), str(error)) == (errors.JobError, "Odd: x")
    assert error.__notes__ == ["Traceback ..."]


@pytest.mark.parametrize(
    ("original", "text"),
    [
        (KeyboardInterrupt("c"), "KeyboardInterrupt: c"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit("g"), "GeneratorExit: g"),
        (StopIteration(3), "StopIteration: 3"),
        (SealedError("x"), "SealedError: x"),
    ],
    ids=repr,
)
def test_the_text_for_what_is_not_mixed_in_names_its_type(
    original: BaseException, text: str
) -> None:
    error = raised(original)
    assert (type(error), str(error), error.message) == (errors.JobError, text, text)


def test_the_text_for_an_exit_says_that_the_job_called_it_also_when_it_is_passed_on() -> None:
    seen = describe(SystemExit(3))
    text = "the job called sys.exit(3)"
    failure = Failure(FailureKind.EXIT, text, seen.type_name, seen.traceback, seen.exception)
    error = from_failure(7, JobStatus.ERROR, failure)
    assert (type(error), str(error), error.message) == (errors.JobError, text, text)
    assert str(raised(error)) == f"job 7: {text}"


def test_an_exception_that_is_also_an_exit_is_not_mixed_in() -> None:
    class ExitError(Exception, SystemExit):
        pass

    assert type(raised(ExitError(3))) is errors.JobError


def test_a_text_of_several_megabytes_keeps_its_beginning() -> None:
    error = raised(ValueError("start " + "x" * (5 << 20)))
    assert isinstance(error, ValueError)
    assert str(error).startswith("start x")
    assert len(str(error)) == 64 << 10
    assert any("was cut to the first 65536 of its" in note for note in error.__notes__)


def with_a_past() -> BaseException:
    """An exception with notes of its own, raised from one and amid another."""
    error = TwoArgumentsError(3, "x")
    error.add_note("noted\n")
    error.add_note("")
    try:
        raise KeyError("amid")
    except KeyError:
        try:
            raise error from OSError(2, "gone")
        except TwoArgumentsError as caught:
            return caught


def stop_with_a_past() -> BaseException:
    error = StopIteration(3)
    error.__notes__ = ["noted\n", ""]
    error.__context__, error.__cause__ = KeyError("amid"), OSError(2, "gone")
    return error


def check_past(error: BaseException) -> None:
    cause, context = error.__cause__, error.__context__
    assert isinstance(cause, OSError)
    assert (type(cause), cause.errno) == (FileNotFoundError, 2)
    assert (type(context), context.args if context else None) == (KeyError, ("amid",))
    assert error.__suppress_context__
    assert error.__notes__[:2] == ["noted\n", ""]
    assert error.__notes__[2].startswith("Traceback")
    assert len(error.__notes__) == 3


@pytest.mark.parametrize("original", [with_a_past, stop_with_a_past])
def test_an_error_has_the_past_of_what_the_job_raised(original: Any) -> None:
    error = raised(original())
    check_past(error)
    assert isinstance(error, TwoArgumentsError) == (original is with_a_past)


def test_the_past_is_pickled_with_a_mixed_error() -> None:
    check_past(pickle.loads(pickle.dumps(raised(with_a_past()))))


def test_a_context_that_is_not_suppressed_stays_so() -> None:
    original = ValueError("a")
    original.__context__ = KeyError("amid")
    error = raised(original)
    assert (error.__cause__, type(error.__context__)) == (None, KeyError)
    assert not error.__suppress_context__


def test_python_prints_each_line_of_the_job_once() -> None:
    text = "".join(traceback.format_exception(raised(with_a_past())))
    for line in ("raise error from OSError", "The above exception was", "[Errno 2]", "noted"):
        assert text.count(line) == 1, line


def test_a_note_that_looks_like_a_part_of_the_traceback_is_kept() -> None:
    original = ValueError("a")
    original.add_note("a")
    assert raised(original).__notes__[0] == "a"


def test_what_another_job_adds_to_an_error_is_passed_on() -> None:
    inner: Any = raised(with_a_past())
    inner.add_note("added")
    inner.args = (*inner.args, "added")
    inner.extra = 5
    inner.__cause__ = ValueError("another cause")
    outer: Any = raised(inner)
    assert (outer.code, outer.reason, outer.extra) == (3, "x", 5)
    assert outer.args == ("3: x", "added")
    assert type(outer.__cause__) is ValueError
    assert [note.partition(" ")[0] for note in outer.__notes__] == [
        "noted\n",
        "",
        "Traceback",
        "added",
        "Traceback",
    ]


class Handle:
    """Says which job it stands for, as `Job` does."""

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return None, ((5, 6),)


def test_the_handles_in_a_mixed_error_are_noted_where_it_is_a_value() -> None:
    error = raised(ValueError("of", Handle()))
    notes = values.Notes()
    assert type(values.loads(values.dumps([error], notes))[0]) is type(error)
    assert notes.handles == [5, 6]
