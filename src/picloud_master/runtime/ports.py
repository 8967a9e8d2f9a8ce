"""What the runtime needs of the world, as protocols that adapters implement."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from picloud.aio.channel import Channel
from picloud_master.core.records import JobRecord


class RecordStore(Protocol):
    """Where records of jobs live."""

    @property
    def durable(self) -> bool:
        """True when records outlive the process; else none need be made."""

    def commit(self, records: Sequence[JobRecord]) -> "asyncio.Future[None] | None":
        """Store a turn's records, after those of all earlier turns.

        Returns:
            None if they are stored already, else a future that is done once they are. If it
            fails nothing after it is stored either.
        """

    async def close(self) -> None:
        """Wait for what is under way, then release what the store holds."""


class Admission(Protocol):
    """Where connected peers are handed in."""

    def accept_client(self, channel: Channel, owner: str) -> object:
        """Serve a client that has proved to act for `owner`."""

    def accept_worker(self, channel: Channel) -> object:
        """Use a worker that has proved that it may serve."""


class Peer(Protocol):
    """A connected client or worker."""

    def enqueue(self, message: Any) -> None:  # Any: a message of the peer's protocol
        """Add a message to the next frame; a peer that is gone drops it."""

    def flush(self) -> None:
        """Send the frame."""

    def has_room(self) -> bool:
        """False while it is far behind with reading what was sent."""

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back, once, when it has room again."""

    def dismiss(self, text: str) -> None:
        """Close the connection and say why."""
