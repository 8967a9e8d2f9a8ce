"""What proves that a handle was not guessed: 128 bits over a range of job ids.

Ids are reserved in blocks of one size. The master has one key; from it comes a secret for each
block, which the session that gets the block is given; from that comes the capability of any range
of jobs inside the block. So nothing is stored, and who knows one capability can make no other.
"""

import hmac

from picloud.protocol.limits import JIDS_PER_BLOCK

SIZE = 16


def block_secret(key: bytes, jid: int) -> bytes:
    """The secret of the block that this job's id is from; `key` is the master's."""
    block = (jid - 1) // JIDS_PER_BLOCK  # the first block begins with job 1
    return _digest(key, b"block", block)


def capability_of(secret: bytes, first: int, stop: int) -> bytes:
    """The capability of jobs `first` to `stop - 1`, all of the block of this secret."""
    return _digest(secret, b"jobs", first, stop)


def is_valid(key: bytes, first: int, stop: int, capability: bytes) -> bool:
    """True if this is the capability of that range."""
    if not 0 < first < stop or (first - 1) // JIDS_PER_BLOCK != (stop - 2) // JIDS_PER_BLOCK:
        return False
    expected = capability_of(block_secret(key, first), first, stop)
    return hmac.compare_digest(expected, capability)


def _digest(key: bytes, what: bytes, *numbers: int) -> bytes:
    text = b"%s %s" % (what, b" ".join(b"%d" % number for number in numbers))
    return hmac.digest(key, text, "sha256")[:SIZE]
