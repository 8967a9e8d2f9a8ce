"""Keys of blobs that no store has, and payloads that name them."""

import hashlib

from picloud.protocol.payloads import key_of, spilled

SIZE = 1 << 20


def a_key(label: str, size: int = SIZE) -> bytes:
    """The key of a blob."""
    return key_of(hashlib.md5(label.encode()).digest(), size)


def naming(*labels: str) -> bytes:
    """A payload that names blobs."""
    return spilled(b"the rest", [a_key(label) for label in labels])
