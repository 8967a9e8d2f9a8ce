"""What a user of PiCloud can catch.

CloudException              root: `message`, `jid`, `status`, `hint`
    JobError                a job ended badly; also an instance of the exception it raised
        JobKilled           by the user
        JobStalled          never ran: a job that it depends on did not succeed
        WorkerLost          its worker went away; the text says whether it may have run
        MemoryLimitExceeded
        RuntimeLimitExceeded
        ResultError         its result could not be pickled (also a SerializationError)
    CloudTimeoutError       a wait took too long (also TimeoutError); the text says why
    AccessDenied            no such job, or none that this session may read
        CloudCycleError     waiting for it could close a circle
    NestingTooDeep          jobs wait for jobs for jobs, too many levels
    SerializationError      a function or an argument cannot travel
    StorageFull             no room for the large parts of arguments
    EnvironmentUnavailable  an environment cannot be had: there is none, or none that fits
        EnvironmentNotBuilt its worker could not build it (also a JobError)
    ConnectionLost          the master is out of reach
        AuthenticationError it refuses the key
        VersionMismatch     it speaks another protocol

Not every exception of a job is mixed into its `JobError`. `StopIteration` and `StopAsyncIteration`
are not: Python turns them into a RuntimeError when they leave a coroutine or a generator, and
takes them for the end of the loop elsewhere. What is no `Exception`, or is a `SystemExit`,
`KeyboardInterrupt` or `GeneratorExit`, is not: raised on the client it would end the client's
program, or pass by every `except Exception` that waits for a job. Nor is a class that refuses to
be inherited from. Of all these the text of a plain `JobError` tells the type and the text.
"""

import contextlib
import types
from typing import Any

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobStatus


class CloudException(Exception):
    """Root of everything that PiCloud raises besides TypeError and ValueError.

    The attributes are PiCloud's.

    Attributes:
        message: what went wrong, for people.
        jid: the job it is about, if any.
        status: that job's status at the time, one of the seven words, if known.
        hint: what to do about it, if there is advice.
    """

    def __init__(
        self,
        message: str = "",
        jid: int | None = None,
        status: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.jid = jid
        self.status = status
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nTIP: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # The state carries the notes and whatever else was set on it.
        return type(self), (self.message, self.jid, self.status, self.hint), self.__dict__.copy()


class JobError(CloudException):
    """A job ended without a result.

    If the job raised an `Exception`, this is also an instance of that exception's class, with its
    arguments, its attributes and its text, and with the remote traceback as a note. Where an
    attribute of the original bears the name of one of ours, the original's is the one seen.
    The few exceptions that are not mixed in are listed at the top of this module.
    """


class JobKilled(JobError):
    """The job was killed."""


class JobStalled(JobError):
    """The job never ran, because a job that it depends on did not succeed."""


class WorkerLost(JobError):
    """The job's worker went away; the text says whether the job may have run."""


class MemoryLimitExceeded(JobError):
    """The job needed more memory than it was given."""


class RuntimeLimitExceeded(JobError):
    """The job ran longer than `timeout` or `max_runtime` allowed."""


class CloudTimeoutError(CloudException, TimeoutError):
    """A wait was longer than its timeout; the text is `why()` of the first unfinished job."""


class AccessDenied(CloudException):
    """The job does not exist, or not for this session: the two cannot be told apart."""


class CloudCycleError(AccessDenied):
    """Waiting for this job could close a circle of jobs that wait for each other."""


class NestingTooDeep(CloudException):
    """Jobs wait for jobs that wait for jobs, over more levels than there is room for."""


class SerializationError(CloudException):
    """A function, an argument or a result cannot be pickled, or is too large."""


class ResultError(SerializationError, JobError):
    """The job ran to its end, but its result cannot travel."""


class StorageFull(CloudException):
    """There is no room for the large parts of arguments, or the account has used up its share."""


class EnvironmentUnavailable(CloudException):
    """The packages or the Python that jobs ask for cannot be had."""


class EnvironmentNotBuilt(EnvironmentUnavailable, JobError):
    """The job's environment could not be built; the text is that of uv."""


class ConnectionLost(CloudException):
    """The master cannot be reached, or not any more."""


class AuthenticationError(ConnectionLost):
    """The master refuses the key."""


class VersionMismatch(ConnectionLost):
    """The master and this client have no protocol version in common."""


_CLASSES: dict[FailureKind, type[JobError]] = {
    FailureKind.EXCEPTION: JobError,
    FailureKind.SERIALIZATION: ResultError,
    FailureKind.EXIT: JobError,
    FailureKind.SIGNAL: JobError,
    FailureKind.MEMORY: MemoryLimitExceeded,
    FailureKind.RUNTIME: RuntimeLimitExceeded,
    FailureKind.WORKER_LOST: WorkerLost,
    FailureKind.KILLED: JobKilled,
    FailureKind.ENVIRONMENT: EnvironmentNotBuilt,
}


def from_failure(jid: int, status: JobStatus, failure: Failure) -> CloudException:
    """Make the exception of a job that ended badly; unpickles the original, so not on a loop."""
    cls = JobStalled if status is JobStatus.STALLED else _CLASSES[failure.kind]
    original = _original_of(failure) if cls is JobError else None
    error = None if original is None else _mixed(original, failure.message, jid, status.value)
    if error is None:
        error = cls(failure.message, jid, status.value)
    notes = _notes_of(original)
    if failure.traceback:
        # The traceback text ends with the notes that the exception had there.
        notes = [note for note in notes if note not in failure.traceback]
        notes.append(failure.traceback.rstrip())
    if notes:
        error.__dict__["__notes__"] = notes  # past a `__setattr__` of the user
    return error


def unknown_job(jid: int) -> AccessDenied:
    """Make the one answer for jobs that do not exist and jobs of others."""
    hint = "it was deleted, or forgotten after a time, or was never there, or is not this session's"
    return AccessDenied(f"no job {jid} that this session may read", jid, hint=hint)


def job_in_cycle(jid: int) -> CloudCycleError:
    """Make the answer for a job that may come to wait for the one that asks."""
    text = f"job {jid} may come to wait for this one: waiting for it could never end"
    return CloudCycleError(text, jid)


def _original_of(failure: Failure) -> BaseException | None:
    if not failure.exception:
        return None
    from picloud.code.exceptions import rebuild  # it may know of the classes above

    try:
        error = rebuild(failure.exception)
    except (Exception, SystemExit):  # noqa: BLE001 - modules and classes of users run here
        return None
    if not isinstance(error, JobError):
        return error
    # A job that passes on the error of another job: what counts is what that one raised.
    passed_on = error.__dict__.get("_original")
    return passed_on if isinstance(passed_on, BaseException) else error


def _notes_of(error: BaseException | None) -> list[str]:
    try:
        notes = getattr(error, "__notes__", None)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return []
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


# ---------------------------------------------------------------------- both classes in one

_UNMIXABLE = (StopIteration, StopAsyncIteration, SystemExit, KeyboardInterrupt, GeneratorExit)
"""Python gives these a meaning of their own: see the top of this module."""

_mixed_classes: dict[type[BaseException], type[JobError]] = {}
_MIXED_LIMIT = 1024


def _mixed(original: BaseException, message: str, jid: int, status: str) -> JobError | None:
    """Make a `JobError` that is also what the job raised; None if that cannot be."""
    if isinstance(original, JobError):
        return JobError(_text_of(original) or message, jid, status)
    try:
        cls = _mixed_class(type(original))
        return None if cls is JobError else _filled(cls, original, message, jid, status)
    except (Exception, SystemExit):  # noqa: BLE001 - classes of users run here
        return None


def _filled(
    cls: type[JobError], original: BaseException, message: str, jid: int, status: str
) -> JobError:
    error = _empty(cls, original)
    # Past the descriptors: an exception group's `message` cannot be set, and need not be.
    text = _text_of(original) or message
    error.__dict__.update(message=text, jid=jid, status=status, hint=None)
    _copy_attributes(original, error)
    if isinstance(original, CloudException):  # it tells of another job, this one has failed
        error.__dict__.update(jid=jid, status=status)
    error.__dict__["_original"] = original  # travels when this one is pickled
    return error


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return ""


def _mixed_class(original: type[BaseException]) -> type[JobError]:
    """`JobError` with one more base, or alone where Python or the class refuses that."""
    known = _mixed_classes.get(original)
    if known is None:
        known = _make_mixed_class(original)
        if len(_mixed_classes) >= _MIXED_LIMIT:
            _mixed_classes.clear()
        _mixed_classes[original] = known
    return known


def _make_mixed_class(original: type[BaseException]) -> type[JobError]:
    if not issubclass(original, Exception) or issubclass(original, (JobError, *_UNMIXABLE)):
        return JobError
    body = {
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        "__str__": original.__str__,
        "__repr__": original.__repr__,
        "__reduce__": _reduce_mixed,
    }
    try:
        return types.new_class(
            original.__name__, (JobError, original), {}, lambda b: b.update(body)
        )
    except Exception:  # noqa: BLE001 - a user's metaclass or __init_subclass__ may raise anything
        return JobError


def _empty(cls: type[JobError], original: BaseException) -> JobError:
    """Make an instance with the original's arguments, without running the user's `__init__`."""
    from picloud.code.exceptions import builtin_base

    builtin: Any = builtin_base(cls)
    arguments = original.args
    if isinstance(original, BaseExceptionGroup):
        arguments = (original.message, original.exceptions)
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
                    if item is not None:  # what is unset in C reads as None: leave it unset
                        kind.__set__(error, item)
                except (AttributeError, TypeError):
                    continue  # an empty slot, or not settable
    error.__dict__.update(original.__dict__)


def _reduce_mixed(self: Any) -> tuple[Any, ...]:
    from picloud.code.exceptions import describe  # it knows how to pickle any exception

    ours = {"message": str(self), "jid": self.jid, "status": self.status, **self.__dict__}
    original = describe(self._original).exception
    notes = list(getattr(self, "__notes__", []))
    return _remake_mixed, (original, ours["message"], ours["jid"], ours["status"], notes)


def _remake_mixed(
    original: bytes, message: str, jid: int, status: str, notes: list[str]
) -> JobError:
    from picloud.code.exceptions import rebuild

    again = rebuild(original)
    error = None if again is None else _mixed(again, message, jid, status)
    if error is None:
        error = JobError(message, jid, status)
    error.__dict__["__notes__"] = notes
    return error
