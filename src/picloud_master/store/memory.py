"""Records that live as long as the process: the kernel's own actors are the only copy.

For a throw-away master there is nobody to come back to, so nothing is stored a second time and
every commit is done as soon as it is asked for.
"""

import asyncio
from collections.abc import Sequence

from picloud_master.core.records import JobRecord


class MemoryStore:
    """The `RecordStore` of a throw-away master."""

    durable = False

    def commit(self, records: Sequence[JobRecord]) -> "asyncio.Future[None] | None":
        """See `RecordStore`."""
        return None

    async def close(self) -> None:
        """See `RecordStore`."""
