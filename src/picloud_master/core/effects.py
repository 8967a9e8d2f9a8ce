"""Everything that a turn can ask of the world.

Effects that promise something to a client wait until the turn's records are committed; so do
leases of jobs that must not start twice. The others are performed at once.
"""

from typing import Any

from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.ids import SessionId, WorkerId
from picloud.statemachine import value
from picloud_master.core.blob_peer import BlobPeer


@value
class SendToClient:
    """Waits for the commit."""

    session: SessionId
    message: Any  # one of client_messages.ToClient


@value
class SendToWorker:
    """Waits for the commit only if `after_commit`."""

    worker: WorkerId
    message: Any  # one of worker_messages.ToWorker or a definition
    after_commit: bool = False


@value
class DismissClient:
    """Close the session of a client that broke the rules of the conversation."""

    session: SessionId
    text: str


@value
class DismissWorker:
    """Close the link of a worker that broke the rules of the conversation."""

    worker: WorkerId
    text: str


@value
class SetAlarm:
    """Answer with `AlarmRang` at that time, in UTC seconds; an earlier alarm is forgotten."""

    at: float


@value
class FetchFromPeer:
    """Read a blob from a peer, unless it is there; answer with one `BlobFetched`."""

    peer: BlobPeer
    owner: str
    key: bytes


@value
class TakeFromPeer:
    """A peer has answered the oldest of the questions that it was asked."""

    peer: BlobPeer
    owner: str
    message: BlobPiece | BlobMissing


@value
class ServePeer:
    """Answer a peer's question with a piece, by `PeerTold`; or say that it is missing.

    That, too, comes after what the peer has asked for before.
    """

    peer: BlobPeer
    owner: str
    question: ReadBlob
    is_kept: bool = True


@value
class DropBlob:
    """Nobody needs this blob any more."""

    owner: str
    key: bytes


@value
class LosePeer:
    """Nothing can be read from this peer any more: answer all `FetchFromPeer` of it."""

    peer: BlobPeer


Effect = (
    SendToClient
    | SendToWorker
    | DismissClient
    | DismissWorker
    | SetAlarm
    | FetchFromPeer
    | TakeFromPeer
    | ServePeer
    | DropBlob
    | LosePeer
)
