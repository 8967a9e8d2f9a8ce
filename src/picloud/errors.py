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

What a job raised is mixed into its `JobError` by `picloud.mixed_errors`, which says what is not.
"""

from typing import Any


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
        # A subclass of the user's own need not call our `__init__`.
        message: str = self.__dict__.get("message") or super().__str__()
        hint = self.__dict__.get("hint")
        return f"{message}\nTIP: {hint}" if hint else message

    def __reduce__(self) -> tuple[Any, ...]:
        # The state carries the notes and whatever else was set on it.
        return type(self), (self.message, self.jid, self.status, self.hint), self.__dict__.copy()


class JobError(CloudException):
    """A job ended without a result.

    If the job raised an exception, this is also an instance of that exception's class, with its
    arguments, its attributes and its text, its notes, `__cause__` and `__context__`, and with the
    remote traceback as the last note. Where an attribute of the original bears the name of one of
    ours, the original's is the one seen. The few exceptions that are not mixed in, such as
    `StopIteration` and `SystemExit`, are listed at the top of `picloud.mixed_errors`.
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


def original_of(error: BaseException) -> BaseException | None:
    """What the job raised, of an error that is mixed with it; None of any other."""
    original = error.__dict__.get("_original") if isinstance(error, JobError) else None
    return original if isinstance(original, BaseException) else None


def unknown_job(jid: int) -> AccessDenied:
    """Make the one answer for jobs that do not exist and jobs of others."""
    hint = "it was deleted, or forgotten after a time, or was never there, or is not this session's"
    return AccessDenied(f"no job {jid} that this session may read", jid, hint=hint)


def job_in_cycle(jid: int) -> CloudCycleError:
    """Make the answer for a job that may come to wait for the one that asks."""
    text = f"job {jid} may come to wait for this one: waiting for it could never end"
    return CloudCycleError(text, jid)
