"""Everything that can reach the agent's core, in the past tense."""

from typing import Any

from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    ReadBlob,
)
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.worker_messages import (
    ReadOutput,
    RunJobs,
    StopAttempts,
    TakeBack,
    TellJob,
)
from picloud.statemachine import value


@value
class Exit:
    """How an interpreter process ended.

    Attributes:
        code: its exit status; None if a signal ended it.
        signal: the signal's number; 0 if it exited.
        out_of_memory: the kernel ended it because memory ran out.
        text: what else is known, for people, such as why it could not be started.
        zygote_lost: the zygote ended and took it along; nobody knows at whose fault.
    """

    code: int | None
    signal: int = 0
    out_of_memory: bool = False
    text: str = ""
    zygote_lost: bool = False


@value
class Output:
    """Tails of what the running attempt has written."""

    stdout: str = ""
    stderr: str = ""
    logging: str = ""


@value
class MasterSaid:
    """Messages of the master, in order."""

    messages: list[
        DefineSpec
        | ForgetSpec
        | RunJobs
        | StopAttempts
        | TakeBack
        | TellJob
        | ReadOutput
        | BlobsKept
        | BlobsRefused
        | ReadBlob
        | BlobPiece
        | BlobMissing
    ]


@value
class InterpreterSaid:
    """Messages of an interpreter (`picloud_worker.pipe.messages.FromInterpreter`), in order."""

    interpreter: int
    messages: list[Any]  # the pipe's own union; the codec has checked it


@value
class AttemptSpoke:
    """The attempt that an interpreter runs said something (`picloud_worker.pipe.line.FromJob`).

    It comes before what the interpreter says of the attempt's end.
    """

    interpreter: int
    messages: list[Any]  # the line's own union; the codec has checked it


@value
class InterpreterExited:
    """An interpreter and its whole process tree are gone; nothing more will come from it.

    Attributes:
        running: sequence number of the attempt that was running; 0 for none.
        output: what that attempt had written.
    """

    interpreter: int
    exit: Exit
    running: int
    output: Output


@value
class OutputFetched:
    """The answer to a `FetchOutput` effect."""

    interpreter: int
    sequence: int
    output: Output


@value
class BuildEnded:
    """The answer to a `BuildEnvironment` effect; with the installer's words if it has failed."""

    digest: str
    text: str = ""


@value
class Ticked:
    """Some time has passed while interpreters were busy.

    Attributes:
        running: sequence number of the attempt that each busy interpreter runs now; 0 for none.
    """

    running: dict[int, int]


@value
class BlobArrived:
    """The answer to a `FetchBlob` effect: it is here."""

    owner: str
    key: bytes


@value
class BlobMissed:
    """The other answer to a `FetchBlob` effect: it cannot be had; `text` says why."""

    owner: str
    key: bytes
    text: str


@value
class BlobsFound:
    """These are here and have been for a while, made by whomever: by a job, for jobs of its own."""

    owner: str
    keys: list[bytes]


Event = (
    MasterSaid
    | InterpreterSaid
    | AttemptSpoke
    | InterpreterExited
    | OutputFetched
    | Ticked
    | BuildEnded
    | BlobArrived
    | BlobMissed
    | BlobsFound
)
