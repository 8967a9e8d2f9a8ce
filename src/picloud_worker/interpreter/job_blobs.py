"""Large parts of the arguments and results of jobs, in the store of this node."""

from collections import deque
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore, Pin

MOST_PINS = 8
"""Of results that the agent may not have heard of yet."""


class JobBlobs:
    """What an interpreter has of the store of its owner.

    Args:
        directories: where the store is; see `BlobStore.directories`.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        self._directories = directories
        self._pins: deque[Pin] = deque(maxlen=MOST_PINS)

    @cached_property
    def _store(self) -> "BlobStore":
        from picloud.blobs.store import BlobStore  # most jobs have nothing large

        *memory, disk = map(Path, self._directories)
        return BlobStore(memory[0] if memory else None, disk)

    def store(self) -> "BlobStore":
        """The store."""
        return self._store

    def open(self, key: bytes) -> memoryview | None:
        """The bytes of a blob; see `code.spilled.Open`."""
        return self._store.open(key)

    def keep(self, data: bytes | memoryview) -> bytes:
        """Make a blob of a part of a result; see `code.spilled.Keep`."""
        pin = self._store.put(data)
        self._pins.append(pin)
        return pin.key

    def let_go(self) -> None:
        """The agent has had time to hear of the results so far."""
        self._pins.clear()
