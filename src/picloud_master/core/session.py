"""A client session as the master holds it."""

from picloud.protocol import limits
from picloud.protocol.ids import JobId, SessionId, SpecNumber
from picloud_master.core.job.actor import SpecRecord, Watcher


class ClientSession:
    """What a connected client may use: its blocks of job ids and its specs.

    Attributes:
        name: for people.
        reserved: how many job ids it has got.
        with_results, without_results, eager: the watchers that jobs refer to; the last one for
            jobs whose outcome is sent without being asked for.
    """

    __slots__ = (
        "blocks",
        "eager",
        "id",
        "name",
        "owner",
        "reserved",
        "specs",
        "with_results",
        "without_results",
    )

    def __init__(self, session_id: SessionId, owner: str) -> None:
        self.id = session_id
        self.owner = owner
        self.name = f"client {session_id}"
        self.blocks: list[range] = []
        self.reserved = 0
        self.specs: dict[SpecNumber, SpecRecord] = {}
        self.with_results = Watcher(session_id, limits.MAX_PAYLOAD)
        self.without_results = Watcher(session_id, -1)
        self.eager = Watcher(session_id, limits.EAGER_RESULT)

    def may_use(self, first: JobId, count: int) -> bool:
        """True when all these ids are in one of the session's blocks."""
        last = first + count - 1
        return any(first in block and last in block for block in reversed(self.blocks))

    def add_block(self, block: range) -> None:
        """Reserve these ids; a client may use ids across the border of two blocks that touch."""
        self.reserved += len(block)
        if self.blocks and self.blocks[-1].stop == block.start:
            block = range(self.blocks.pop().start, block.stop)
        self.blocks.append(block)
