"""Failures of jobs to the errors that a client raises: `JobError`s that are also what a job raised.

Whatever a job raised, an `Exception` or not, is mixed in, but for what would steer the client's
program instead of telling it about a job. `StopIteration` and `StopAsyncIteration` are not: Python
turns them into a RuntimeError when they leave a coroutine or a generator, and takes them for the
end of the loop elsewhere. `SystemExit`, `KeyboardInterrupt`, `GeneratorExit` and asyncio's
`CancelledError` would end the program, or a part of it. Of these the text of a plain `JobError`
tells the type and the text. For a class that refuses to be inherited from, or keeps its state out
of sight, in C, its nearest base stands that does not; if that is `Exception` itself, the `JobError`
is a plain one, too. A `JobError` that a job got for another one and did not catch, such as
`JobKilled`, keeps its type; its text names the job that it is about.

A `JobError` is an `Exception`, and so is what is mixed with one. Python allows only `Exception`s in
a group that is one: what else a `BaseExceptionGroup` holds is in its place as a `JobError`, too.
"""

import contextlib
import types
from collections.abc import Iterable
from typing import Any

from picloud import errors
from picloud.code.exceptions import parts
from picloud.code.exceptions.rebuilding import rebuild
from picloud.code.exceptions.state import (
    arguments_of,
    builtin_base,
    is_closed,
    is_empty_field,
    notes_of,
    set_attribute,
    set_links,
)
from picloud.code.exceptions.tracebacks import headline
from picloud.code.notes import HANDLES, Notes
from picloud.errors import CloudException, JobError
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobStatus

_CLASSES: dict[FailureKind, type[JobError]] = {
    FailureKind.EXCEPTION: JobError,
    FailureKind.SERIALIZATION: errors.ResultError,
    FailureKind.EXIT: JobError,
    FailureKind.SIGNAL: JobError,
    FailureKind.MEMORY: errors.MemoryLimitExceeded,
    FailureKind.RUNTIME: errors.RuntimeLimitExceeded,
    FailureKind.WORKER_LOST: errors.WorkerLost,
    FailureKind.KILLED: errors.JobKilled,
    FailureKind.ENVIRONMENT: errors.EnvironmentNotBuilt,
}


def from_failure(jid: int, status: JobStatus, failure: Failure) -> CloudException:
    """Make the exception of a job that ended badly; unpickles the original, so not on a loop."""
    cls = errors.JobStalled if status is JobStatus.STALLED else _CLASSES[failure.kind]
    traceback = failure.traceback.rstrip()
    original = _rebuilt(failure.exception, traceback) if cls is JobError else None
    if original is not None:
        message = _text_of_passed_on(original) or failure.message
        return _made_of(original, message, jid, status.value)
    error = cls(failure.message, jid, status.value)
    if traceback:
        error.__notes__ = [traceback]
    return error


def _rebuilt(data: bytes, traceback: str = "") -> BaseException | None:
    try:
        return rebuild(data, traceback, _as_error_of)
    except (Exception, SystemExit):  # noqa: BLE001 - modules and classes of users run here
        return None


def _made_of(original: BaseException, message: str, jid: int, status: str) -> JobError:
    """Make the `JobError` that is also the original, if that can be, and tells all about it."""
    error = _mixed(original, message, jid, status)
    if error is None:
        error = JobError(message, jid, status)
    notes = notes_of(original)
    if notes:
        set_attribute(error, "__notes__", notes)
    set_links(
        error,
        original.__cause__,
        original.__context__,
        suppress_context=original.__suppress_context__,
    )
    return error


# ---------------------------------------------------------------------- both classes in one

_UNMIXABLE = (StopIteration, StopAsyncIteration, SystemExit, KeyboardInterrupt, GeneratorExit)
"""Python gives these a meaning of their own: see the top of this module."""

_mixed_classes: dict[type[BaseException], type[JobError]] = {}
_MIXED_LIMIT = 1024


def _mixed(original: BaseException, message: str, jid: int, status: str) -> JobError | None:
    """Make a `JobError` that is also what the job raised; None if that cannot be."""
    if type(original) is JobError:
        return JobError(message, jid, status)
    try:
        cls = _mixed_class(type(original))
        return None if cls is JobError else _filled(cls, original, message, jid, status)
    except (Exception, SystemExit):  # noqa: BLE001 - classes of users run here
        return None


def _filled(
    cls: type[JobError], original: BaseException, message: str, jid: int, status: str
) -> JobError:
    error = _empty(cls, original, jid, status)
    # Past the descriptors: an exception group's `message` cannot be set, and need not be.
    text = _text_of(original) or message
    error.__dict__.update(message=text, jid=jid, status=status, hint=None)
    _copy_attributes(original, error)
    if isinstance(original, CloudException):  # it tells of another job, this one has failed
        error.__dict__.update(jid=jid, status=status)
    if isinstance(original, JobError):
        error.__dict__.update(message=message)
    error.__dict__["_original"] = original  # travels when this one is pickled
    return error


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return ""


def _text_of_passed_on(error: BaseException) -> str:
    """Name the job that "the job was killed" is about, which another job did not catch."""
    if not isinstance(error, JobError):
        return ""
    own = error.__dict__  # without what ours would set, if its class does not call our `__init__`
    text, jid = own.get("message") or _text_of(error), own.get("jid")
    return f"job {jid}: {text}" if jid else text


def _mixed_class(original: type[BaseException]) -> type[JobError]:
    """`JobError` with one more base, or alone where Python or the classes refuse that."""
    known = _mixed_classes.get(original)
    if known is None:
        known = _make_mixed_class(original)
        if len(_mixed_classes) >= _MIXED_LIMIT:
            _mixed_classes.clear()
        _mixed_classes[original] = known
    return known


def _make_mixed_class(original: type[BaseException]) -> type[JobError]:
    if issubclass(original, _UNMIXABLE) or _is_cancellation(original):
        return JobError
    for base in original.__mro__:
        if base in (JobError, Exception, BaseException) and base is not original:
            break
        if issubclass(base, BaseException) and not is_closed(base):
            cls = _attempt_mixing(original, base)
            if cls is not None:
                return cls
    return JobError


def _attempt_mixing(
    original: type[BaseException], base: type[BaseException]
) -> type[JobError] | None:
    bases = (base,) if issubclass(base, JobError) else (JobError, base)
    body = {
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        "__str__": original.__str__ if base is original else _message_of,
        "__repr__": base.__repr__,
        "__reduce__": _reduce_mixed,
        "__reduce_ex__": _reduce_mixed,
        HANDLES: _handles_of_mixed,
    }
    try:
        return types.new_class(original.__name__, bases, {}, lambda b: b.update(body))
    except Exception:  # noqa: BLE001 - a user's metaclass or __init_subclass__ may raise anything
        return None


def _message_of(self: JobError) -> str:
    return self.message


def _is_cancellation(cls: type[BaseException]) -> bool:
    """True for asyncio's `CancelledError`, told by its name: most programs load no asyncio."""
    names = {(base.__module__, base.__name__) for base in cls.__mro__}
    return ("asyncio.exceptions", "CancelledError") in names


def _empty(cls: type[JobError], original: BaseException, jid: int, status: str) -> JobError:
    """Make an instance with the original's arguments, without running the user's `__init__`."""
    builtin: Any = builtin_base(cls)
    arguments = arguments_of(original)
    if isinstance(original, BaseExceptionGroup):
        members = [_as_exception(each, jid, status) for each in original.exceptions]
        arguments = (original.message, members)
    error: JobError = builtin.__new__(cls, *arguments)
    # The arguments are of another type where one of them had to stay on the worker.
    with contextlib.suppress(TypeError, ValueError):
        builtin.__init__(error, *arguments)
    BaseException.__setattr__(error, "args", original.args)
    return error


def _copy_attributes(original: BaseException, error: JobError) -> None:
    for cls in type(original).__mro__:
        if cls in (BaseException, BaseExceptionGroup):
            continue
        for name, kind in vars(cls).items():
            if isinstance(kind, types.MemberDescriptorType) and not name.startswith("__"):
                try:
                    item = kind.__get__(original)
                    if not is_empty_field(cls, item):
                        kind.__set__(error, item)
                except (AttributeError, TypeError):
                    continue  # an empty slot, or not settable
    error.__dict__.update(original.__dict__)


def _as_exception(member: BaseException, jid: int, status: str) -> BaseException:
    """What stands in a group for one that may hold only `Exception`s."""
    return member if isinstance(member, Exception) else _as_error_of(member, jid, status)


def _as_error_of(original: BaseException, jid: int, status: str) -> JobError:
    """The error of a job, inside that of another one."""
    message = _text_of_passed_on(original) or headline(original)
    return _made_of(original, message, jid, status)


# ---------------------------------------------------------------------- mixed errors as values


def _handles_of_mixed(self: Any) -> tuple[None, Iterable[tuple[int, int]], set[str]]:
    """Tell the serializer what there is in the bytes that it gets: handles of jobs, and modules."""
    notes = Notes()
    parts.pickled(self, {}, notes)
    bounds = iter(notes.handles)
    return None, zip(bounds, bounds, strict=True), notes.roots


def _reduce_mixed(self: Any, _protocol: object = None) -> tuple[Any, ...]:
    data = parts.pickled(self, {}, Notes())
    is_ours = isinstance(errors.original_of(self), JobError)
    return _remake_mixed, (
        data,
        self.message if is_ours else str(self),
        self.__dict__["jid"],
        self.__dict__["status"],
        notes_of(self),
    )


def _remake_mixed(data: bytes, message: str, jid: int, status: str, notes: list[str]) -> JobError:
    original = _rebuilt(data)
    if original is not None:
        return _made_of(original, message, jid, status)
    error = JobError(message, jid, status)
    error.__notes__ = notes
    return error
