"""Everything that can reach the kernel, in the past tense. Fresh ids arrive with the event."""

from typing import Any

from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.worker_messages import RegisterWorker
from picloud.statemachine import value
from picloud_master.core.blob_peer import BlobPeer


@value
class SessionOpened:
    """A client has connected and proved who it is."""

    session: SessionId
    owner: str


@value
class ClientSaid:
    """Messages of a client (`client_messages.ToMaster` and definitions), in order."""

    session: SessionId
    messages: list[Any]  # a stranger's choice of messages: each is looked up by its type


@value
class SessionClosed:
    """A client is gone; its jobs go on."""

    session: SessionId


@value
class WorkerJoined:
    """A worker has connected, proved that it may, and registered."""

    worker: WorkerId
    registration: RegisterWorker


@value
class WorkerSaid:
    """Messages of a worker (`worker_messages.FromWorker`), in order."""

    worker: WorkerId
    messages: list[Any]  # a stranger's choice of messages: each is looked up by its type


@value
class WorkerLost:
    """A worker's link is over."""

    worker: WorkerId
    text: str


@value
class AlarmRang:
    """It is the time that the last `SetAlarm` named, or a little later."""


@value
class BlobFetched:
    """A `FetchFromPeer` is over: the blob is in its store, or the text says why not."""

    owner: str
    key: bytes
    text: str = ""


@value
class PeerTold:
    """There is a piece of a blob to ask a peer for, or to give it."""

    peer: BlobPeer
    message: ReadBlob | BlobPiece | BlobMissing


Event = (
    SessionOpened
    | ClientSaid
    | SessionClosed
    | WorkerJoined
    | WorkerSaid
    | WorkerLost
    | AlarmRang
    | BlobFetched
    | PeerTold
)
