"""Large data goes through a served master: from clients, to workers, and home."""

import os
from typing import Any

import pytest

from picloud.protocol import client_messages as client
from picloud.protocol import worker_messages as worker
from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.limits import BLOB_PIECE, PIECES_AHEAD
from picloud.protocol.payloads import size_of, spilled
from tests.picloud_master.api.peers import DEFINITION, REGISTRATION, TOKEN, RawPeer, Served

ARGUMENT = os.urandom(3 * BLOB_PIECE + 17)
RESULT = os.urandom((PIECES_AHEAD + 2) * BLOB_PIECE)


def key_in(served: Served, owner: str, content: bytes) -> bytes:
    """The key of a content; so it is known to the store of this owner only."""
    pin = served.stores.of(owner).put(content)
    pin.close()
    return pin.key


async def gives(peer: RawPeer, content: bytes) -> None:
    """Answer the master's questions until it has all."""
    read = 0
    while read < len(content):
        question: ReadBlob = await peer.hear(ReadBlob)
        start, stop = question.offset, question.offset + question.size
        await peer.say(BlobPiece(question.key, start, content[start:stop], question.owner))
        read += question.size


async def reads(peer: RawPeer, key: bytes, owner: str = "") -> bytes:
    """Read a blob, piece by piece."""
    content = b""
    while len(content) < size_of(key):
        size = min(BLOB_PIECE, size_of(key) - len(content))
        await peer.say(ReadBlob(key, len(content), size, owner))
        piece: BlobPiece = await peer.hear(BlobPiece)
        assert (piece.key, piece.offset, piece.owner) == (key, len(content), owner)
        content += piece.data
    return content


async def test_arguments_and_results_travel_through_the_master(served: Served) -> None:
    argument, result = (key_in(served, "nobody", one) for one in (ARGUMENT, RESULT))
    peer, first = await served.client()
    node = await served.worker()
    await node.say(REGISTRATION)
    await peer.say(OfferBlobs([argument]))
    await gives(peer, ARGUMENT)
    assert await peer.hear(BlobsKept) == BlobsKept([argument])
    payload = spilled(b"rest", [argument])
    submit = client.SubmitJobs(1, first, [payload], watched=True, spilled=True)
    await peer.say(DEFINITION, submit, WithdrawBlobs([argument]))
    run: worker.RunJobs = await node.hear(worker.RunJobs)
    assert run.spilled
    assert await reads(node, argument, "main") == ARGUMENT

    await node.say(OfferBlobs([result], "main"))
    await gives(node, RESULT)
    assert await node.hear(BlobsKept) == BlobsKept([result], "main")
    outcome = spilled(b"rest", [result])
    done = worker.AttemptsDone([first], [run.fence], [outcome], [1.0], None, True)
    await node.say(done, WithdrawBlobs([result], "main"))
    assert await peer.hear(client.JobsDone) == client.JobsDone([first], [outcome])
    assert await reads(peer, result) == RESULT


async def test_another_owner_reads_nothing_of_it(served: Served) -> None:
    key = key_in(served, "main", ARGUMENT)
    peer, _ = await served.client()
    await peer.say(OfferBlobs([key]))
    assert await peer.hear(BlobsKept) == BlobsKept([key])
    bob = await (await served.connect(authorization=f"Bearer bob:{TOKEN}")).greet()
    await bob.say(ReadBlob(key, 0, 1))
    assert await bob.hear(BlobMissing) == BlobMissing(key)


async def test_an_offer_of_one_who_leaves_is_read_from_another(served: Served) -> None:
    key = key_in(served, "nobody", ARGUMENT)
    first, _ = await served.client()
    second, _ = await served.client()
    await first.say(OfferBlobs([key]))
    await first.hear(ReadBlob)
    await second.say(OfferBlobs([key]))
    assert await served.is_well_for(second)
    await first.socket.close()
    await gives(second, ARGUMENT)
    assert await second.hear(BlobsKept) == BlobsKept([key])


async def test_a_content_that_is_not_what_was_offered_is_refused(served: Served) -> None:
    key = key_in(served, "nobody", ARGUMENT)
    peer, _ = await served.client()
    await peer.say(OfferBlobs([key]))
    await gives(peer, bytes(len(ARGUMENT)))
    refusal: BlobsRefused = await peer.hear(BlobsRefused)
    assert refusal.keys == [key]
    assert "content" in refusal.text
    assert await served.is_well_for(peer)


KEY = bytes(16) + (1 << 20).to_bytes(8, "little")


@pytest.mark.parametrize(
    "answer",
    [
        BlobPiece(KEY, 0, b"too short"),
        BlobPiece(KEY, 1, bytes(BLOB_PIECE)),
        BlobPiece(bytes(24), 0, bytes(BLOB_PIECE)),
        BlobMissing(bytes(24)),
    ],
    ids=["size", "offset", "key", "missing key"],
)
async def test_a_piece_that_was_not_asked_for_ends_the_connection(
    served: Served, answer: Any
) -> None:
    peer, _ = await served.client()
    other, _ = await served.client()
    await peer.say(OfferBlobs([KEY]))
    await peer.hear(ReadBlob)
    await peer.say(answer)
    assert "asked for" in (await peer.dismissal()).text
    assert await served.is_well_for(other)
