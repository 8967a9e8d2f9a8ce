"""The capabilities that handles of jobs carry, hidden (`protocol.capabilities`)."""

from collections.abc import Iterator

from picloud.protocol.capabilities import capability_of
from picloud.protocol.limits import JIDS_PER_BLOCK

Grant = tuple[int, int, bytes]
"""The first job of a range, the one after its last, and the capability of the range."""


class Secrets:
    """What a session was given with its blocks of job ids; makes grants of its own jobs."""

    def __init__(self) -> None:
        self._secrets: dict[int, bytes] = {}

    def add(self, first: int, secret: bytes) -> None:
        """Keep the secret of the block that begins with this job."""
        if secret:
            self._secrets[_block_of(first)] = secret

    def grants(self, first: int, stop: int) -> list[Grant]:
        """Make grants of these jobs, one for each block; those of other sessions are left out."""
        grants: list[Grant] = []
        while first < stop:
            block = _block_of(first)
            end = min(stop, 1 + (block + 1) * JIDS_PER_BLOCK)
            secret = self._secrets.get(block)
            if secret is not None:
                grants.append((first, end, capability_of(secret, first, end)))
            first = end
        return grants


def _block_of(jid: int) -> int:
    return (jid - 1) // JIDS_PER_BLOCK  # as the master counts them


def spans(jids: range) -> Iterator[tuple[int, int]]:
    """Say a range as `first, stop` of jobs without gaps between them."""
    if abs(jids.step) == 1:
        yield min(jids[0], jids[-1]), max(jids[0], jids[-1]) + 1
    else:
        for jid in jids:
            yield jid, jid + 1
