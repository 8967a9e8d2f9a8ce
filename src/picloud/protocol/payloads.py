"""Payloads: the bytes of a function, of arguments or of a result, and the blobs that they name.

A small payload is a pickle. Of a larger one the large parts are blobs: immutable bytes that travel
apart, known by their key; what is left of the pickle comes behind a list of these keys. Nobody on
the way unpickles anything, but all who pass a payload on can see which blobs it needs.
"""

from collections.abc import Sequence

from picloud.protocol import limits
from picloud.protocol.errors import RemoteProtocolError

DIGEST_SIZE = 16
KEY_SIZE = DIGEST_SIZE + 8
"""The key of a blob is the digest of its content, then its size."""

_MARK = 0  # no pickle of ours begins with this byte
_COUNT_SIZE = 4
_START = 1 + _COUNT_SIZE


def key_of(digest: bytes, size: int) -> bytes:
    """The key of a blob."""
    return digest + size.to_bytes(KEY_SIZE - DIGEST_SIZE, "little")


def size_of(key: bytes) -> int:
    """How many bytes a blob has."""
    return int.from_bytes(key[DIGEST_SIZE:KEY_SIZE], "little")


def spilled(head: bytes, keys: Sequence[bytes]) -> bytes:
    """Make the payload of what is left of a pickle and the keys of its blobs, in their order."""
    count = len(keys).to_bytes(_COUNT_SIZE, "little")
    return b"".join((bytes((_MARK,)), count, *keys, head))


def is_spilled(payload: bytes) -> bool:
    """True if a payload names blobs."""
    return payload[:1] == b"\0"


def blobs_of(payload: bytes) -> list[bytes]:
    """The keys of the blobs that a payload names, in their order.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    if not is_spilled(payload):
        return []
    count = int.from_bytes(payload[1:_START], "little")
    stop = _START + KEY_SIZE * count
    if not 0 < count <= limits.MAX_BLOBS or len(payload) < stop:
        raise RemoteProtocolError("a payload that names blobs is malformed")
    keys = [payload[start : start + KEY_SIZE] for start in range(_START, stop, KEY_SIZE)]
    if not all(map(size_of, keys)):
        raise RemoteProtocolError("a payload names an empty blob")
    return keys


def head_of(payload: bytes) -> memoryview:
    """What is left of the pickle; empty if it is the first of the blobs."""
    count = len(blobs_of(payload))
    return memoryview(payload)[_START + KEY_SIZE * count if count else 0 :]
