"""Limits and durations that the core decides by."""

from dataclasses import replace
from math import inf

from picloud.statemachine import value

_ROOM_PER_UNUSED = 16


@value
class Policy:
    """What a master may be set to.

    Attributes:
        max_restarts: how often a restartable job runs again after its worker was lost.
        max_leases_per_core: upper bound of the window that a worker may ask for.
        max_jids_per_session: job ids that one session may reserve.
        keep_finished: seconds after which a finished job is forgotten.
        max_finished: finished jobs that are kept at most.
        max_finished_bytes: bytes of arguments and outcomes that are kept for them at most.
        max_unused_files: bytes of users' modules that are kept although no function needs them.
        max_unused_environments: those that are kept although neither a name nor a function needs
            them.
        max_unused_blobs: bytes of large data that are kept although nothing holds them.
        max_blob_bytes: bytes of large data that one owner may have here.
        story_length: events remembered for stories, over all actors.
        durable: records of changed jobs leave with each turn, for a store that keeps them.
    """

    max_restarts: int = 3
    max_leases_per_core: int = 4096
    max_jids_per_session: int = 1 << 40
    keep_finished: float = 7 * 24 * 3600.0
    max_finished: int = 2_000_000
    max_finished_bytes: int = 8 << 30
    max_unused_files: int = 256 << 20
    max_unused_environments: int = 256
    max_unused_blobs: int = 256 << 20
    max_blob_bytes: float = 64 << 30
    story_length: int = 10_000
    durable: bool = False

    def for_room(self, free: int) -> "Policy":
        """Make the same for a disk with so many bytes free: what is unused takes few of them."""
        return replace(self, max_unused_blobs=min(self.max_unused_blobs, free // _ROOM_PER_UNUSED))


FOR_ONE_PROGRAM = Policy(keep_finished=inf, max_finished=16_000_000, max_blob_bytes=inf)
"""Of a master inside the program that it works for, which may ask for all that it has started for
as long as it lives. What so many jobs take themselves is as much as `max_finished_bytes`."""
