"""What proves that a handle was not guessed: 128 bits over a range of job ids.

Ids are reserved in blocks of one size. The master has one key, of 64 bytes at most; from it comes
a secret for each block, which the session that gets the block is given; from that comes the
capability of any range of jobs inside the block, and from a range's that of any part of it. So
nothing is stored, and who knows the capability of a range can make those of its parts and no
others.
"""

import hashlib
import hmac
from collections.abc import Sequence

from picloud.protocol.limits import JIDS_PER_BLOCK, MAX_WHOLES

SIZE = 16


def origin_of(key: bytes) -> bytes:
    """What tells the jobs of the master with this key from those of all others; no secret."""
    return _digest(key, b"origin")


def block_secret(key: bytes, jid: int) -> bytes:
    """The secret of the block that this job's id is from; `key` is the master's."""
    block = (jid - 1) // JIDS_PER_BLOCK  # the first block begins with job 1
    return _digest(key, b"block %d" % block)


def capability_of(secret: bytes, first: int, stop: int) -> bytes:
    """The capability of jobs `first` to `stop - 1`.

    Args:
        secret: of the block that they are from, or the capability of a range that they are a part
            of.
        first: the first job.
        stop: the one after the last.
    """
    return _digest(secret, b"jobs %d %d" % (first, stop))


def is_valid(
    key: bytes, first: int, stop: int, capability: bytes, wholes: Sequence[int] = ()
) -> bool:
    """True if this is the capability of that range.

    Args:
        key: the master's.
        first: the first job.
        stop: the one after the last.
        capability: what is shown.
        wholes: the ranges that it was derived along, one number after the other: the outermost
            first, each with the next one inside.
    """
    if len(wholes) % 2 or len(wholes) > 2 * MAX_WHOLES:
        return False
    flat = iter((*wholes, first, stop))
    start, end = _block_of(first)
    expected = block_secret(key, first)
    for inner_start, inner_end in zip(flat, flat, strict=True):
        if not start <= inner_start < inner_end <= end:
            return False
        start, end = inner_start, inner_end
        expected = capability_of(expected, start, end)
    return hmac.compare_digest(expected, capability)


def _block_of(jid: int) -> tuple[int, int]:
    start = max(jid - 1, 0) // JIDS_PER_BLOCK * JIDS_PER_BLOCK + 1
    return start, start + JIDS_PER_BLOCK


def _digest(key: bytes, text: bytes) -> bytes:
    # `hmac.digest` would let another thread have Python's lock, in the middle of many a call.
    return hashlib.blake2b(text, key=key, digest_size=SIZE).digest()
