"""Messages about blobs within the limits of the wire; what else holds is in `test_codec`."""

import pytest

from picloud.protocol import limits
from picloud.protocol.blob_messages import (
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.link_messages import Heartbeat
from picloud.protocol.payloads import DIGEST_SIZE, key_of
from picloud.protocol.wire import WIRE

KEY = key_of(b"x" * DIGEST_SIZE, limits.MAX_INT)
OWNER = "an owner with a long name" * 10


@pytest.mark.parametrize("kind", [OfferBlobs, WithdrawBlobs, BlobsKept])
def test_the_most_blobs_of_one_payload_fit_into_one_message(
    kind: type[OfferBlobs | WithdrawBlobs | BlobsKept],
) -> None:
    message = kind([KEY] * limits.MAX_BLOBS, OWNER)
    (frame,) = WIRE.encode_frames([message])
    assert WIRE.decode(frame) == [message]


def test_a_refusal_tells_the_longest_text() -> None:
    message = BlobsRefused([KEY] * limits.MAX_BLOBS, "x" * limits.MAX_TEXT, OWNER)
    assert WIRE.decode(WIRE.encode([message])) == [message]


def test_the_last_piece_of_the_largest_blob_can_be_asked_for() -> None:
    offset = limits.MAX_INT - limits.BLOB_PIECE
    question = ReadBlob(KEY, offset, limits.BLOB_PIECE, OWNER)
    answer = BlobPiece(KEY, offset, bytes(limits.BLOB_PIECE), OWNER)
    assert WIRE.decode(WIRE.encode([question, answer])) == [question, answer]


def test_a_message_waits_for_no_more_than_one_frame_of_pieces() -> None:
    pieces = [BlobPiece(KEY, 0, bytes(limits.BLOB_PIECE), OWNER)] * limits.PIECES_AHEAD
    frames = WIRE.encode_frames([*pieces, Heartbeat()])
    assert WIRE.decode(frames[-1])[-1] == Heartbeat()
    assert max(map(len, frames)) <= limits.FRAME_TARGET + 2 * limits.BLOB_PIECE


@pytest.mark.parametrize("offset", [b"\xff", b"\xcf\x80" + bytes(7)], ids=["-1", "2 ** 63"])
def test_an_offset_that_no_blob_has_is_refused(offset: bytes) -> None:
    frame = WIRE.encode([ReadBlob(KEY, 0, 1)])
    changed = frame.replace(KEY + b"\0", KEY + offset)
    assert changed != frame
    with pytest.raises(RemoteProtocolError):
        WIRE.decode(changed)
