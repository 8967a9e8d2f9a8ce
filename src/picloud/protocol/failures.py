"""Why a job ended badly, as data."""

import enum

from picloud.protocol.ids import Handles
from picloud.statemachine import value


class FailureKind(enum.Enum):
    """The reasons that a client can tell apart."""

    EXCEPTION = "exception"
    SERIALIZATION = "serialization"
    EXIT = "exit"
    SIGNAL = "signal"
    MEMORY = "memory"
    RUNTIME = "runtime"
    WORKER_LOST = "worker lost"
    ENVIRONMENT = "environment"
    KILLED = "killed"


@value
class Failure:
    """One reason, with what the client needs to raise it.

    Attributes:
        message: one sentence for people.
        type_name: qualified name of the exception class, where there was one.
        traceback: the remote traceback with its source lines, as text.
        exception: the exception itself, pickled; empty where there is none or it cannot be pickled.
        handles: those of the jobs that the pickled exception names.
    """

    kind: FailureKind
    message: str
    type_name: str = ""
    traceback: str = ""
    exception: bytes = b""
    handles: Handles | None = None
