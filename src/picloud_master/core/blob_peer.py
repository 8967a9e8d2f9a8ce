"""Whom blobs are read from and sent to."""

from typing import NamedTuple

from picloud.protocol.ids import SessionId, WorkerId


class BlobPeer(NamedTuple):  # no `@value`: it is a key
    """A session or a worker."""

    session: SessionId | None = None
    worker: WorkerId | None = None

    def named(self, owner: str) -> str:
        """The owner as messages to it name him: a session has one only."""
        return "" if self.worker is None else owner
