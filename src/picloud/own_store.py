"""The store of a session: made when something large needs one, removed with the session."""

import threading
from typing import TYPE_CHECKING

from picloud.aio.places import state_places

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore


class OwnStore:
    """Gives the store when it is called; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._store: BlobStore | None = None

    def __call__(self) -> "BlobStore":
        """The store.

        Raises:
            OSError: it cannot be made.
        """
        with self._lock:
            if self._store is None:
                from picloud.blobs.places import make_store  # most programs have nothing large

                self._store = make_store(state_places())
            return self._store

    def delete(self) -> None:
        """Remove it with everything in it."""
        if self._store is not None:
            self._store.delete()
