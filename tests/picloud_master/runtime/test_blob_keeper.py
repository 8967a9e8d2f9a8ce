"""Blobs go in and out of a master's stores in pieces, and nobody is left without an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.blobs.store import BlobStore
from picloud.protocol import limits
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.payloads import size_of
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import (
    DropBlob,
    FetchFromPeer,
    LosePeer,
    ServePeer,
    TakeFromPeer,
)
from picloud_master.core.events import BlobFetched, PeerTold
from picloud_master.runtime.blob_keeper import BlobKeeper

CLIENT = BlobPeer(session=SessionId(1))
JOB = BlobPeer(session=SessionId(-1))
WORKER = BlobPeer(worker=WorkerId(1))
LARGE = bytes(range(256)) * 4096  # four pieces


class SlowPeer:
    """A `Peer` that has room only when the test says so."""

    def __init__(self) -> None:
        self.room = True
        self.waiting: list[Callable[[], None]] = []

    def enqueue(self, message: Any) -> None:
        raise AssertionError("only the kernel speaks")

    flush = enqueue
    dismiss = enqueue

    def has_room(self) -> bool:
        return self.room

    def on_room(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)


class Kept:
    """A keeper, its stores, one connected client, and what it has told the kernel."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.events: list[Any] = []
        self.client = SlowPeer()
        peers = {CLIENT: self.client}
        self.keeper = BlobKeeper(self.store, self.events.append, peers.get)

    def store(self, owner: str) -> BlobStore:
        return BlobStore(None, self.directory / owner)

    def key_in(self, owner: str, content: bytes) -> bytes:
        """Put a content into a store."""
        pin = self.store(owner).put(content)
        pin.close()
        return pin.key

    def key_of(self, content: bytes) -> bytes:
        """The key of a content that no owner has."""
        return self.key_in("somewhere else", content)

    def heard(self) -> list[Any]:
        """What the kernel has been told since the last time."""
        heard, self.events[:] = list(self.events), []
        return heard

    def questions(self) -> list[ReadBlob]:
        """What peers are to be asked."""
        heard = [one.message for one in self.heard() if isinstance(one, PeerTold)]
        return [one for one in heard if isinstance(one, ReadBlob)]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def answer(kept: Kept, peer: BlobPeer, content: bytes, question: ReadBlob) -> None:
    data = content[question.offset : question.offset + question.size]
    piece = BlobPiece(question.key, question.offset, data, question.owner)
    kept.keeper.take(TakeFromPeer(peer, "ann", piece))


# ------------------------------------------------------------------ reading from peers


def test_what_is_in_the_store_already_is_read_from_nobody(kept: Kept) -> None:
    key = kept.key_in("ann", b"here")
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    assert kept.heard() == [BlobFetched("ann", key)]


@pytest.mark.parametrize("peer", [CLIENT, JOB, WORKER])
def test_a_blob_is_read_in_pieces(kept: Kept, peer: BlobPeer) -> None:
    key = kept.key_of(LARGE)
    kept.keeper.fetch(FetchFromPeer(peer, "ann", key))
    questions = kept.questions()
    assert [one.offset for one in questions] == [0, 256 << 10, 512 << 10, 768 << 10]
    assert {one.owner for one in questions} == {"ann" if peer == WORKER else ""}
    for question in questions:
        answer(kept, peer, LARGE, question)
    assert kept.heard() == [BlobFetched("ann", key)]
    assert kept.store("ann").open(key) == LARGE
    assert not kept.store("bob").has(key)


def test_what_the_peer_has_no_more_is_over(kept: Kept) -> None:
    key = kept.key_of(b"gone")
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    kept.heard()
    kept.keeper.take(TakeFromPeer(CLIENT, "ann", BlobMissing(key)))
    (event,) = kept.heard()
    assert event.key == key
    assert event.text


def test_late_answers_are_not_taken_for_those_of_another_try(kept: Kept) -> None:
    key = kept.key_of(LARGE)
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    first, *late = kept.questions()
    kept.keeper.take(TakeFromPeer(CLIENT, "ann", BlobMissing(key)))
    assert [one.key for one in kept.heard()] == [key]
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    again = kept.questions()
    answer(kept, CLIENT, LARGE, late[0])
    for _ in late[1:]:
        kept.keeper.take(TakeFromPeer(CLIENT, "ann", BlobMissing(key)))
    for question in again:
        answer(kept, CLIENT, LARGE, question)
    assert kept.heard() == [BlobFetched("ann", key)]
    assert first.offset == again[0].offset


def test_what_is_not_what_its_key_says_is_not_kept(kept: Kept) -> None:
    key = kept.key_of(b"right")
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    kept.heard()
    kept.keeper.take(TakeFromPeer(CLIENT, "ann", BlobPiece(key, 0, b"wrong")))
    (event,) = kept.heard()
    assert event.text
    assert not kept.store("ann").has(key)


def test_what_was_to_be_read_from_a_peer_that_is_gone_is_over(kept: Kept) -> None:
    keys = [kept.key_of(content) for content in (LARGE, b"two", b"three")]
    for key in keys:
        kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    kept.keeper.fetch(FetchFromPeer(WORKER, "ann", keys[0]))
    answer(kept, CLIENT, LARGE, kept.questions()[0])
    kept.keeper.lose(LosePeer(CLIENT))
    over = [one for one in kept.heard() if isinstance(one, BlobFetched)]
    assert [one.key for one in over] == keys
    assert all(one.text for one in over)


def test_where_there_is_no_store_the_reason_is_said(kept: Kept) -> None:
    (kept.directory / "ann").write_bytes(b"a file, where the directory should be")
    key = kept.key_of(b"wanted")
    kept.keeper.fetch(FetchFromPeer(CLIENT, "ann", key))
    (event,) = kept.heard()
    assert "cannot be stored: " in event.text


# ------------------------------------------------------------------ serving them


def test_a_piece_is_served(kept: Kept) -> None:
    key = kept.key_in("ann", LARGE)
    kept.keeper.serve(ServePeer(CLIENT, "ann", ReadBlob(key, 1000, 5)))
    kept.keeper.serve(ServePeer(WORKER, "ann", ReadBlob(key, 0, 3, "ann")))
    assert kept.heard() == [
        PeerTold(CLIENT, BlobPiece(key, 1000, LARGE[1000:1005])),
        PeerTold(WORKER, BlobPiece(key, 0, LARGE[:3], "ann")),
    ]


def test_what_is_not_there_is_missing(kept: Kept) -> None:
    key = kept.key_in("bob", b"not hers")
    kept.keeper.serve(ServePeer(CLIENT, "ann", ReadBlob(key, 0, size_of(key))))
    assert kept.heard() == [PeerTold(CLIENT, BlobMissing(key))]


def test_a_peer_that_does_not_read_gets_no_more_until_it_does(kept: Kept) -> None:
    key = kept.key_in("ann", LARGE)
    kept.client.room = False
    for offset in range(limits.PIECES_AHEAD):
        kept.keeper.serve(ServePeer(CLIENT, "ann", ReadBlob(key, offset, 1)))
    kept.keeper.serve(ServePeer(JOB, "ann", ReadBlob(key, 7, 1)))
    assert [one.peer for one in kept.heard()] == [JOB]
    kept.client.room = True
    (wake,) = kept.client.waiting
    wake()
    offsets = [one.message.offset for one in kept.heard()]
    assert offsets == list(range(limits.PIECES_AHEAD))


def test_what_is_removed_is_gone(kept: Kept) -> None:
    key = kept.key_in("ann", b"old")
    kept.keeper.remove(DropBlob("ann", key))
    kept.keeper.remove(DropBlob("ann", key))
    assert not kept.store("ann").has(key)


def test_what_was_just_put_there_once_more_stays_for_its_offer(kept: Kept) -> None:
    pin = kept.store("ann").put(b"again")
    kept.keeper.remove(DropBlob("ann", pin.key))
    kept.keeper.fetch(FetchFromPeer(JOB, "ann", pin.key))
    assert kept.heard() == [BlobFetched("ann", pin.key)]
    pin.close()
    kept.keeper.remove(DropBlob("ann", kept.key_in("ann", b"other")))
    assert kept.store("ann").has(pin.key)


def test_what_is_read_when_it_is_removed_goes_with_a_later_one(kept: Kept) -> None:
    pin = kept.store("ann").put(b"read")
    kept.keeper.remove(DropBlob("ann", pin.key))
    assert kept.store("ann").has(pin.key)
    pin.close()
    kept.keeper.remove(DropBlob("ann", kept.key_in("ann", b"other")))
    assert not kept.store("ann").has(pin.key)


def test_what_is_missing_is_said_after_the_pieces_that_were_asked_for_before(kept: Kept) -> None:
    key = kept.key_in("ann", LARGE)
    kept.client.room = False
    kept.keeper.serve(ServePeer(CLIENT, "ann", ReadBlob(key, 0, 1)))
    kept.keeper.serve(ServePeer(CLIENT, "ann", ReadBlob(key, 1, 1), is_kept=False))
    assert kept.heard() == []
    (wake,) = kept.client.waiting
    wake()
    assert [type(one.message) for one in kept.heard()] == [BlobPiece, BlobMissing]
