"""The exchange of blobs of a running job, over its line."""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from picloud import inside
from picloud.blob_exchange import Arrival, BlobExchange, Handler, Offer
from picloud.nested_submissions import Mail, undisturbed
from picloud.waiters import Waiter, Wake, Way

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore

W = TypeVar("W", bound=Waiter)


class NestedExchange:
    """Says what there is to say at once; whoever waits for the answer hears it.

    Args:
        line: of the job.
        mail: takes what is said.
        lock: of the job's client.
        way: how those who wait do it.
        is_over: the job has ended.
    """

    def __init__(
        self,
        line: inside.Line,
        mail: Mail,
        lock: threading.RLock,
        way: Way,
        is_over: Callable[[], bool],
    ) -> None:
        self.line = line
        self._mail = mail
        self._lock = lock
        self._way = way
        self._is_over = is_over

    @cached_property
    def _exchange(self) -> BlobExchange:
        return BlobExchange(self.store, self._fetched, self._mail.send)

    @property
    def handlers(self) -> dict[type, Handler]:
        """What to do with what is heard of blobs, by message type."""
        return self._exchange.handlers

    def store(self) -> "BlobStore":
        """Where large parts of values are kept on this machine."""
        assert self.line.blobs is not None  # something large is named
        store: BlobStore = self.line.blobs()
        return store

    @undisturbed
    def offer(self, offer: Offer) -> None:
        """Ask the master to keep blobs."""
        self._begin(offer, self._exchange.offer)

    @undisturbed
    def fetch(self, arrival: Arrival) -> None:
        """Read blobs from the master."""
        self._begin(arrival, self._exchange.fetch)

    @undisturbed
    def withdraw(self, keys: Sequence[bytes]) -> None:
        """What was submitted until now is all that was to name these."""
        if not self._is_over():
            with self._lock:
                self._exchange.withdraw(keys)
                self._mail.flush()

    def _begin(self, waiter: W, begin: Callable[[W], None]) -> None:
        waiter.way = self._way
        if self._is_over():
            waiter.set(Wake.LOST)
            return
        with self._lock:
            begin(waiter)
            self._mail.flush()

    def _fetched(self) -> "BlobStore":
        """What other jobs of this machine have is theirs: what this one reads lies apart."""
        return self.store().below(f"read-by-{os.getpid()}")
