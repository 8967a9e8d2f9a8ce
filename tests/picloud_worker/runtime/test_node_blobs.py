"""Blobs of a worker, with real stores and a master that is played here."""

import errno
from pathlib import Path

import pytest

from picloud.blobs.places import OwnerStores
from picloud.blobs.store import BlobStore
from picloud.protocol import limits
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.errors import RemoteProtocolError
from picloud_worker.core.events import BlobArrived, BlobMissed, BlobsFound
from picloud_worker.runtime import node_blobs
from picloud_worker.runtime.node_blobs import NodeBlobs

CONTENT = bytes(range(256)) * 3000


class Bench:
    def __init__(self, root: Path) -> None:
        self.stores = OwnerStores(BlobStore(None, root / "node"))
        self.far = BlobStore(None, root / "master")
        self.said: list[object] = []
        self.events: list[object] = []
        self.blobs = NodeBlobs(self.stores.of, self.said.append, self.events.append)

    def put(self, content: bytes = CONTENT, owner: str = "ann") -> bytes:
        """Have a blob in a store of the worker."""
        pin = self.stores.of(owner).put(content)
        pin.close()
        return pin.key

    def put_far(self, content: bytes = CONTENT) -> bytes:
        """Have a blob at the master."""
        pin = self.far.put(content)
        pin.close()
        return pin.key

    def master_answers(self) -> None:
        """The master answers all questions, and those that its answers lead to."""
        while self.said:
            question = self.said.pop(0)
            assert isinstance(question, ReadBlob)
            pin = self.far.pin(question.key)
            if pin is None:
                self.blobs.take(BlobMissing(question.key, question.owner))
                continue
            data = pin.read(question.offset, question.size)
            pin.close()
            self.blobs.take(BlobPiece(question.key, question.offset, data, question.owner))

    def read(self, key: bytes, offset: int = 0, size: int = 10, owner: str = "ann") -> object:
        """Ask as the master does."""
        self.blobs.serve(ReadBlob(key, offset, size, owner))
        return self.said.pop()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_here_is_not_read_from_the_master(bench: Bench) -> None:
    key = bench.put()
    bench.blobs.fetch("ann", key)
    assert (bench.said, bench.events) == ([], [BlobArrived("ann", key)])


def test_what_is_not_here_is_read_piece_by_piece(bench: Bench) -> None:
    key = bench.put_far()
    bench.blobs.fetch("ann", key)
    assert bench.said[0] == ReadBlob(key, 0, limits.BLOB_PIECE, "ann")
    bench.master_answers()
    assert bench.events == [BlobArrived("ann", key)]
    view = bench.stores.of("ann").open(key)
    assert view is not None
    assert bytes(view) == CONTENT


def test_what_another_owner_has_is_read_all_the_same(bench: Bench) -> None:
    key = bench.put(owner="bob")
    bench.put_far()
    bench.blobs.fetch("ann", key)
    assert bench.events == []
    bench.master_answers()
    assert bench.events == [BlobArrived("ann", key)]


def test_what_the_master_lacks_is_missed(bench: Bench) -> None:
    key = bench.put_far()
    bench.far.remove(key)
    bench.blobs.fetch("ann", key)
    bench.master_answers()
    assert bench.events == [BlobMissed("ann", key, "it was deleted")]


def test_without_room_it_is_missed_and_the_interpreter_has_no_store(bench: Bench) -> None:
    def full(owner: str) -> BlobStore:
        raise OSError(errno.ENOSPC, "No space left on device")

    blobs = NodeBlobs(full, bench.said.append, bench.events.append)
    blobs.fetch("ann", b"key")
    text = "there is no room for it: No space left on device"
    assert bench.events == [BlobMissed("ann", b"key", text)]
    assert blobs.store_of("ann") is None


def test_a_piece_that_was_not_asked_for_is_an_error(bench: Bench) -> None:
    key = bench.put_far()
    bench.blobs.fetch("ann", key)
    with pytest.raises(RemoteProtocolError):
        bench.blobs.take(BlobPiece(key, 1, b"x", "ann"))


def test_the_master_is_served_pieces(bench: Bench) -> None:
    key = bench.put()
    assert bench.read(key, 5, 10) == BlobPiece(key, 5, CONTENT[5:15], "ann")


def test_it_is_served_only_what_this_owner_has(bench: Bench) -> None:
    key = bench.put(owner="bob")
    assert bench.read(key) == BlobMissing(key, "ann")


def test_what_is_pinned_is_served_although_it_was_removed(bench: Bench) -> None:
    key = bench.put()
    bench.blobs.pin("ann", [key])
    bench.blobs.pin("ann", [key])
    bench.stores.of("ann").remove(key)
    bench.blobs.unpin("ann", [key])
    assert bench.read(key) == BlobPiece(key, 0, CONTENT[:10], "ann")
    bench.blobs.unpin("ann", [key])
    assert bench.read(key) == BlobMissing(key, "ann")


def test_what_is_not_here_is_neither_pinned_nor_unpinned(bench: Bench) -> None:
    key = bench.put_far()
    bench.blobs.pin("ann", [key])
    bench.blobs.unpin("ann", [key])
    assert bench.read(key) == BlobMissing(key, "ann")


def test_what_a_job_reads_or_has_just_made_once_more_is_not_removed(bench: Bench) -> None:
    key = bench.put()
    with_pin = bench.stores.of("ann").put(CONTENT)
    bench.blobs.remove("ann", key)
    assert bench.stores.of("ann").has(key)
    with_pin.close()
    bench.blobs.remove("ann", key)
    assert not bench.stores.of("ann").has(key)


def test_what_jobs_have_made_for_themselves_is_told_of_once_it_is_old(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.blobs.store_of("ann")
    keys = [bench.put(bytes([number])) for number in range(3)]
    bench.blobs.look()
    assert bench.events == []
    monkeypatch.setattr(node_blobs, "SETTLED", -1.0)
    bench.blobs.look()
    assert bench.events == [BlobsFound("ann", sorted(keys))]


def test_no_more_files_are_held_open_than_a_process_may_have(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_blobs, "MAX_PINS", 2)
    keys = [bench.put(bytes([number]) * 100) for number in range(4)]
    bench.blobs.pin("ann", keys)
    for key in keys:
        bench.stores.of("ann").remove(key)
    assert [type(bench.read(key)) for key in keys] == [BlobPiece] * 2 + [BlobMissing] * 2
    bench.blobs.unpin("ann", keys)
    assert [type(bench.read(key)) for key in keys] == [BlobMissing] * 4
