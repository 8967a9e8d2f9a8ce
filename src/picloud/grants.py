"""The capabilities that handles of jobs carry, hidden (`protocol.capabilities`)."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from picloud.protocol.capabilities import capability_of
from picloud.protocol.limits import JIDS_PER_BLOCK, MAX_WHOLES

Grant = tuple[int, int, bytes, tuple[int, ...]]
"""The first job of a range, the one after its last, the capability of the range, and what that was
derived along (`wholes` of `is_valid`)."""


class Secrets:
    """What a session was given with its blocks of job ids; makes grants of its own jobs.

    Attributes:
        origin: of the master that has given them; None before it has.
    """

    def __init__(self) -> None:
        self.origin: str | None = None
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
                grants.append((first, end, capability_of(secret, first, end), ()))
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


def grant_at(jid: int, grants: Sequence[Grant]) -> Grant | None:
    """The one of these that proves the job; they are in order."""
    at = bisect_right(grants, jid, key=_first) - 1
    return grants[at] if at >= 0 and jid < grants[at][1] else None


def parts_of(grants: Sequence[Grant], first: int, stop: int) -> Iterator[Grant]:
    """Make grants of these jobs alone from those of ranges that they are in, which are in order.

    What was derived too often already (`MAX_WHOLES`) gives none.
    """
    at = max(0, bisect_right(grants, first, key=_first) - 1)
    while at < len(grants) and grants[at][0] < stop:
        begin, end, capability, wholes = grants[at]
        part = max(first, begin), min(stop, end)
        if part == (begin, end):
            yield grants[at]
        elif part[0] < part[1] and len(wholes) < 2 * MAX_WHOLES:
            yield *part, capability_of(capability, *part), (*wholes, begin, end)
        at += 1


def _first(grant: Grant) -> int:
    return grant[0]
