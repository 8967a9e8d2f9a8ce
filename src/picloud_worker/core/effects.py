"""Everything that the agent's core can ask of the world."""

from typing import Any

from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.environments import Environment
from picloud.statemachine import value


@value
class SendToMaster:
    """Speak to the master."""

    message: Any  # one of worker_messages.FromWorker


@value
class StartInterpreter:
    """Fork an interpreter; messages may be sent to it at once.

    Attributes:
        tree: it imports from this one first.
        owner: whose jobs it will run, and whose blobs they read.
        environment: whose packages it has; empty for those of the worker.
    """

    interpreter: int
    tree: bytes = b""
    owner: str = ""
    environment: str = ""


@value
class KeepFiles:
    """Keep contents of files, by their digests."""

    contents: list[bytes]


@value
class MakeTree:
    """Make a tree of files whose contents are kept; interpreters may be started with it then."""

    digest: bytes
    paths: list[str]
    digests: list[bytes]


@value
class RemoveTree:
    """Nobody will be started with it any more."""

    digest: bytes


@value
class BuildEnvironment:
    """Build an environment, or find it built; answered by `BuildEnded`."""

    environment: Environment


@value
class ReleaseEnvironment:
    """No interpreter will be started in it any more; it may be removed to make room."""

    digest: str


@value
class SendToInterpreter:
    """Speak to an interpreter."""

    interpreter: int
    message: Any  # what pipe.messages has for interpreters


@value
class TellAttempt:
    """Speak to the attempt that an interpreter runs."""

    interpreter: int
    message: Any  # one of pipe.line.ToJob


@value
class RecallInterpreter:
    """Signal an interpreter to report and to give back what it has not started."""

    interpreter: int


@value
class RevokeInterpreter:
    """Forbid an interpreter to start another attempt before it has given back what it has."""

    interpreter: int


@value
class KillInterpreter:
    """End an interpreter and its whole process tree; answered by `InterpreterExited`."""

    interpreter: int


@value
class FetchOutput:
    """Read what an attempt has written so far; answered by `OutputFetched`."""

    interpreter: int
    sequence: int


@value
class FetchBlob:
    """Read a blob from the master; answered by `BlobArrived` or `BlobMissed`."""

    owner: str
    key: bytes


@value
class RemoveBlob:
    """Nothing here needs it any more."""

    owner: str
    key: bytes


@value
class PinBlobs:
    """Keep the content of these at hand: the master is asked to keep them, and may read them."""

    owner: str
    keys: list[bytes]


@value
class UnpinBlobs:
    """The end of a `PinBlobs`."""

    owner: str
    keys: list[bytes]


@value
class ServePiece:
    """Read a piece of a blob and say it to the master."""

    question: ReadBlob


@value
class TakePiece:
    """The master has answered what was asked to carry out a `FetchBlob`."""

    answer: BlobPiece | BlobMissing


Effect = (
    SendToMaster
    | StartInterpreter
    | KeepFiles
    | MakeTree
    | RemoveTree
    | BuildEnvironment
    | ReleaseEnvironment
    | SendToInterpreter
    | TellAttempt
    | RecallInterpreter
    | RevokeInterpreter
    | KillInterpreter
    | FetchOutput
    | FetchBlob
    | RemoveBlob
    | PinBlobs
    | UnpinBlobs
    | ServePiece
    | TakePiece
)
