"""What peers may not say of blobs, and what that costs them: nobody else is harmed."""

from typing import Any

import pytest

from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import SpecNumber
from picloud.protocol.limits import BLOB_PIECE, MAX_BLOBS
from picloud.protocol.worker_messages import RunJobs
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import DismissClient, DismissWorker, TakeFromPeer
from picloud_master.core.events import PeerTold, SessionClosed
from tests.support.blobs import SIZE, a_key, done_with_blobs, keep, naming, with_blobs
from tests.support.builders import Master, TestClient, a_spec

A, B = a_key("a"), a_key("b")


@pytest.mark.parametrize(
    "said",
    [
        [OfferBlobs([b"short"])],
        [OfferBlobs([a_key("empty", 0)])],
        [WithdrawBlobs([A])],
        [OfferBlobs([A]), WithdrawBlobs([A])],
        [ReadBlob(b"short", 0, 1)],
        [ReadBlob(A, 0, SIZE)],
        [ReadBlob(A, SIZE - 1, 2)],
        [ReadBlob(A, -1, 2)],
        [ReadBlob(A, 0, 0)],
        [BlobMissing(A)],
        [DefineSpec(SpecNumber(1), a_spec(), naming(A))],
        [DefineSpec(SpecNumber(1), a_spec(), b"\0malformed")],
        [OfferBlobs([A]), DefineSpec(SpecNumber(1), a_spec(), naming(A))],
    ],
    ids=[
        "short key",
        "empty blob",
        "withdrawn and never offered",
        "withdrawn and not kept",
        "short key read",
        "too large a piece",
        "piece past the end",
        "piece before the beginning",
        "empty piece",
        "answer without a question",
        "code of unknown blobs",
        "malformed code",
        "code of blobs that are not kept yet",
    ],
)
def test_a_client_that_speaks_nonsense_of_blobs_is_dismissed(said: list[Any]) -> None:
    turn = Master().client().says(*said)
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


@pytest.mark.parametrize("payload", [naming(A), naming(B), b"\0malformed"])
def test_arguments_that_name_what_is_not_kept_are_nonsense(payload: bytes) -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    keep(master, master.client("bob"), A)
    client.says(OfferBlobs([B]))
    turn = client.says(*with_blobs(client, 1, b"fine", payload))
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)
    assert worker.heard(RunJobs) == []


def test_results_that_name_what_is_not_kept_are_nonsense() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    turn = worker.says(done_with_blobs(worker, jid, A))
    assert any(isinstance(effect, DismissWorker) for effect in turn.effects)


def test_nobody_has_the_master_read_ahead_of_what_it_has_sent() -> None:
    master = Master()
    client = master.client()
    keep(master, client, A)
    turn = client.says(*[ReadBlob(A, 0, 1)] * 9)
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_nobody_offers_a_blob_again_and_again_without_an_answer() -> None:
    master = Master()
    client, other = master.client(), master.client()
    client.says(OfferBlobs([A] * MAX_BLOBS))
    other.says(OfferBlobs([A]))
    turn = client.says(OfferBlobs([A]))
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_a_withdrawal_in_excess_is_nonsense_although_others_hold_the_blob() -> None:
    master = Master()
    client, other = master.client(), master.client()
    keep(master, client, A)
    keep(master, other, A)
    turn = client.says(WithdrawBlobs([A]), WithdrawBlobs([A]))
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_a_job_that_speaks_nonsense_of_blobs_is_ended() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    worker.job(jid).says(WithdrawBlobs([A]))
    assert master.registry.statistics.misbehaved == 1


# ------------------------------------------------------------------ pieces


def asked(master: Master, client: TestClient, *questions: ReadBlob) -> None:
    """The store wants pieces of what a client has offered."""
    peer = BlobPeer(session=client.id)
    master.hears(*(PeerTold(peer, question) for question in questions))


def test_pieces_are_taken_in_the_order_of_the_questions() -> None:
    master = Master()
    client = master.client()
    first, second = ReadBlob(A, 0, BLOB_PIECE), ReadBlob(A, BLOB_PIECE, 5)
    asked(master, client, first, second)
    assert client.heard(ReadBlob) == [first, second]
    pieces = BlobPiece(A, 0, bytes(BLOB_PIECE)), BlobPiece(A, BLOB_PIECE, b"12345")
    peer = BlobPeer(session=client.id)
    turn = client.says(*pieces)
    assert turn.effects == [TakeFromPeer(peer, "ann", piece) for piece in pieces]


@pytest.mark.parametrize(
    "answer",
    [
        BlobPiece(A, 0, b"1234"),
        BlobPiece(A, 1, b"12345"),
        BlobPiece(B, 0, b"12345"),
        BlobMissing(B),
    ],
    ids=["size", "offset", "key", "missing key"],
)
def test_other_pieces_than_the_next_are_nonsense(answer: Any) -> None:
    master = Master()
    client = master.client()
    asked(master, client, ReadBlob(A, 0, 5))
    turn = client.says(answer)
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_a_second_answer_is_nonsense() -> None:
    master = Master()
    client = master.client()
    asked(master, client, ReadBlob(A, 0, 5))
    turn = client.says(BlobMissing(A), BlobMissing(A))
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_what_the_store_has_to_say_to_one_who_is_gone_is_dropped() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    master.hears(SessionClosed(client.id))
    master.hears(worker.lost())
    asked(master, client, ReadBlob(A, 0, 5))
    turn = master.hears(PeerTold(BlobPeer(worker=worker.id), BlobPiece(A, 0, b"12345", "ann")))
    assert turn.effects == []


def test_a_worker_answers_for_the_owner_that_it_was_asked_for() -> None:
    master = Master()
    worker = master.worker()
    peer = BlobPeer(worker=worker.id)
    master.hears(PeerTold(peer, ReadBlob(A, 0, 5, "ann")))
    turn = worker.says(BlobPiece(A, 0, b"12345", "bob"))
    assert any(isinstance(effect, DismissWorker) for effect in turn.effects)
