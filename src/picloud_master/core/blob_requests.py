"""What messages about blobs mean, whoever sends them, and what the store's answers do.

Pieces go through the kernel both ways: so they are in order with what else a peer hears, and a
job, which is spoken to in letters to its worker, is served as any client.
"""

from collections import Counter, deque
from typing import Any

from picloud.protocol import limits
from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.payloads import size_of
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.blobs import check_key
from picloud_master.core.effects import ServePeer, TakeFromPeer
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.events import BlobFetched, PeerTold
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession
from picloud_master.core.worker.actor import WorkerActor

MESSAGES = (OfferBlobs, WithdrawBlobs, ReadBlob, BlobPiece, BlobMissing)


def take_of_client(registry: Registry, session: ClientSession, message: Any) -> None:
    """A client or a job says something about blobs of its owner."""
    _take(registry, BlobPeer(session=session.id), session.owner, message)


def take_of_worker(registry: Registry, worker: WorkerActor, message: Any) -> None:
    """A worker says something about blobs of the owner that it names."""
    _take(registry, BlobPeer(worker=worker.id), message.owner, message)


def _take(registry: Registry, peer: BlobPeer, owner: str, message: Any) -> None:
    match message:
        case OfferBlobs(keys):
            _check_count(keys)
            registry.blobs.offer(peer, owner, keys)
        case WithdrawBlobs(keys):
            registry.blobs.withdraw(peer, owner, keys)
        case ReadBlob():
            _serve(registry, peer, owner, message)
        case BlobPiece() | BlobMissing():
            _take_answer(registry, peer, owner, message)


def _check_count(keys: list[bytes]) -> None:
    if len(keys) > limits.MAX_BLOBS:
        raise Misbehaviour("an offer of too many blobs")


def _serve(registry: Registry, peer: BlobPeer, owner: str, question: ReadBlob) -> None:
    key = question.key
    check_key(key)
    fits = 0 <= question.offset <= size_of(key) - question.size
    if not fits or not 0 < question.size <= limits.BLOB_PIECE:
        raise Misbehaviour("a piece of a blob that there cannot be")
    _count_in(registry, peer, peer.named(owner))
    is_kept = registry.blobs.can_be_read((owner, key))
    registry.add_effect(ServePeer(peer, owner, question, is_kept))


def _count_in(registry: Registry, peer: BlobPeer, name: str) -> None:
    """Nobody may have us read ahead of what he reads himself."""
    unserved = registry.blobs.unserved.setdefault(peer, Counter())
    if unserved[name] >= limits.PIECES_AHEAD:
        raise Misbehaviour("too many pieces of blobs are asked for at once")
    unserved[name] += 1


def _take_answer(
    registry: Registry, peer: BlobPeer, owner: str, message: BlobPiece | BlobMissing
) -> None:
    questions = registry.blobs.questions.get(peer)
    if not questions:
        raise Misbehaviour("a piece of a blob that was not asked for")
    question = questions.popleft()
    if not questions:
        del registry.blobs.questions[peer]
    if question.key != message.key or question.owner != peer.named(owner):
        raise Misbehaviour("another blob than the one that was asked for")
    if isinstance(message, BlobPiece):
        asked = question.offset, question.size
        if (message.offset, len(message.data)) != asked:
            raise Misbehaviour("another piece of a blob than the one that was asked for")
    registry.add_effect(TakeFromPeer(peer, owner, message))


# ------------------------------------------------------------------ from the store


def fetched(registry: Registry, event: BlobFetched) -> None:
    """What was to be read is here, or is not to be had."""
    registry.blobs.fetched(event.owner, event.key, event.text)


def told(registry: Registry, event: PeerTold) -> None:
    """Pass it on, if the peer is still there."""
    peer, message = event.peer, event.message
    if peer.session not in registry.sessions and peer.worker not in registry.workers:
        return  # it was lost meanwhile
    if isinstance(message, ReadBlob):
        registry.blobs.questions.setdefault(peer, deque()).append(message)
    else:
        registry.blobs.unserved[peer][message.owner] -= 1
    registry.say_to_peer(peer, message)
