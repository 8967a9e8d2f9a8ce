"""Failures to exceptions of both kinds."""

import copy
import pickle
import sys
import types
from typing import Any

import pytest

from picloud import errors
from picloud.code.exceptions import describe
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobStatus


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


def raised(error: BaseException) -> errors.CloudException:
    """What a client sees of a job that raised this."""
    try:
        raise error  # noqa: TRY301 - for its traceback
    except BaseException as caught:  # noqa: BLE001 - any exception is tried here
        return errors.from_failure(7, JobStatus.ERROR, describe(caught))


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


def test_an_error_passed_on_by_another_job_keeps_its_type_and_tells_that_job() -> None:
    inner = raised(KeyError("k"))
    outer = raised(inner)
    assert isinstance(outer, KeyError)
    assert isinstance(outer, errors.JobError)
    assert outer.jid == 7


@pytest.mark.parametrize("clone", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("original", [TwoArgumentsError(3, "x"), OSError(2, "gone"), KeyError("k")])
def test_errors_can_be_pickled(original: Exception, clone: Any) -> None:
    error = raised(original)
    again = clone(error)
    assert type(again) is type(error)
    assert (str(again), again.args, again.jid) == (str(error), error.args, 7)
    assert again.__notes__ == error.__notes__


def test_plain_errors_can_be_pickled() -> None:
    error = errors.AccessDenied("no", 3, "queued", "ask")
    error.add_note("n")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.jid, again.status, again.hint) == ("no\nTIP: ask", 3, "queued", "ask")
    assert again.__notes__ == ["n"]


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
    error = errors.from_failure(1, JobStatus.ERROR, Failure(kind, "why it ended"))
    assert isinstance(error, cls)
    assert isinstance(error, errors.JobError)
    assert str(error) == "why it ended"


def test_a_stalled_job_has_a_class_of_its_own() -> None:
    failure = Failure(FailureKind.KILLED, "job 1 was killed")
    error = errors.from_failure(1, JobStatus.STALLED, failure)
    assert (type(error), error.status) == (errors.JobStalled, "stalled")


def test_an_exception_that_could_not_travel_is_told_by_its_text() -> None:
    failure = Failure(FailureKind.EXCEPTION, "Odd: no", "mod.Odd", "Traceback ...", b"")
    error = errors.from_failure(1, JobStatus.ERROR, failure)
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
    assert error.__notes__[-1].endswith("noted")


class EndsTheProgram:
    def __reduce__(self) -> Any:
        return sys.exit, (5,)


def test_an_exception_that_ends_the_program_when_it_is_loaded_is_told_by_its_text() -> None:
    data = pickle.dumps(EndsTheProgram())
    failure = Failure(FailureKind.EXCEPTION, "Odd: x", "mod.Odd", "Traceback ...", data)
    error = errors.from_failure(1, JobStatus.ERROR, failure)
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
    error = errors.from_failure(7, JobStatus.ERROR, failure)
    assert (type(error), str(error), error.message) == (errors.JobError, text, text)
    assert str(raised(error)) == text


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
