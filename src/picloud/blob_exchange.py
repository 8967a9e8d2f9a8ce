"""What a client and its master say to each other about blobs; see `protocol.blob_messages`.

Offers and reads are `Waiter`s. What arrives is opened at once: whoever waited for it has it, even
if the file is gone a moment later.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.waiters import Waiter, Wake

if TYPE_CHECKING:
    from picloud.blobs.fetcher import Fetcher
    from picloud.blobs.store import BlobStore, Pin

Handler = Callable[[Any], None]


class Offer(Waiter):
    """Waits until the master has said of each of some blobs whether it keeps it.

    Attributes:
        pins: of those that it has not said so of, by key.
        kept: the keys of those that it keeps.
        refusal: why it does not keep one; empty if there is none.
    """

    __slots__ = ("kept", "pins", "refusal")

    is_answer: ClassVar[bool] = True

    def __init__(self, pins: "dict[bytes, Pin]") -> None:
        super().__init__()
        self.pins = pins
        self.kept: list[bytes] = []
        self.refusal = ""

    def answered(self, key: bytes, refusal: str = "") -> None:
        """The master has said what becomes of one of them."""
        self.pins.pop(key).close()
        if refusal:
            self.refusal = refusal
        else:
            self.kept.append(key)
        if not self.pins:
            self.set()


class Arrival(Waiter):
    """Waits for blobs that the master has; those that are gone are missing from `views`."""

    __slots__ = ("_missing", "views")

    is_answer: ClassVar[bool] = True

    def __init__(self, keys: Iterable[bytes]) -> None:
        super().__init__()
        self.views: dict[bytes, memoryview] = {}
        self._missing = set(keys)

    @property
    def keys(self) -> list[bytes]:
        """What has not come yet."""
        return list(self._missing)

    def arrived(self, key: bytes, view: memoryview | None) -> None:
        """One is here, or is gone."""
        self._missing.discard(key)
        if view is not None:
            self.views[key] = view
        if not self._missing:
            self.set()


class BlobExchange:
    """Offers and reads of one client; all methods are the engine's.

    Args:
        store: where blobs are written that this client offers.
        fetched: where those are written that it reads from the master, until they are opened.
        send: says something to the master.
    """

    def __init__(
        self,
        store: "Callable[[], BlobStore]",
        fetched: "Callable[[], BlobStore]",
        send: Callable[[object], None],
    ) -> None:
        self._store = store
        self._fetched = fetched
        self._send = send
        self._offers: dict[bytes, deque[Offer]] = {}
        self._arrivals: dict[bytes, list[Arrival]] = {}
        self._fetcher: Fetcher | None = None
        self.handlers: dict[type, Handler] = {
            BlobsKept: self._on_kept,
            BlobsRefused: self._on_refused,
            ReadBlob: self._on_read,
            BlobPiece: self._on_piece,
            BlobMissing: self._on_missing,
        }

    # ------------------------------------------------------------------ what the session wants

    def offer(self, offer: Offer) -> None:
        """Ask the master to keep blobs."""
        keys = list(offer.pins)
        for key in keys:
            self._offers.setdefault(key, deque()).append(offer)
        self._send(OfferBlobs(keys))

    def withdraw(self, keys: Sequence[bytes]) -> None:
        """What was to name these was sent."""
        self._send(WithdrawBlobs(list(keys)))

    def fetch(self, arrival: Arrival) -> None:
        """Read blobs from the master."""
        fetcher = self._fetcher
        if fetcher is None:
            from picloud.blobs.fetcher import Fetcher

            fetcher = self._fetcher = Fetcher(
                lambda key: self._fetched().receive(key), self._send, self._on_fetched
            )
        for key in arrival.keys:
            self._arrivals.setdefault(key, []).append(arrival)
            fetcher.want(key)

    def lose(self) -> None:
        """The master is gone."""
        offers, self._offers = self._offers, {}
        arrivals, self._arrivals = self._arrivals, {}
        waiters: list[Waiter] = [each for waiting in offers.values() for each in waiting]
        waiters += (each for waiting in arrivals.values() for each in waiting)
        for waiter in waiters:
            waiter.set(Wake.LOST)

    # ------------------------------------------------------------------ what the master says

    def _on_kept(self, message: BlobsKept) -> None:
        for key in message.keys:
            self._answered(key, "")

    def _on_refused(self, message: BlobsRefused) -> None:
        for key in message.keys:
            self._answered(key, message.text)

    def _answered(self, key: bytes, refusal: str) -> None:
        waiting = self._offers.get(key)
        if not waiting:
            return
        waiting.popleft().answered(key, refusal)
        if not waiting:
            del self._offers[key]

    def _on_read(self, message: ReadBlob) -> None:
        waiting = self._offers.get(message.key)
        pin = waiting[0].pins[message.key] if waiting else self._store().pin(message.key)
        if pin is None:
            self._send(BlobMissing(message.key))
        else:
            data = pin.read(message.offset, message.size)
            self._send(BlobPiece(message.key, message.offset, data))

    def _on_piece(self, message: BlobPiece) -> None:
        if self._fetcher is not None:
            self._fetcher.on_piece(message)

    def _on_missing(self, message: BlobMissing) -> None:
        if self._fetcher is not None:
            self._fetcher.on_missing(message)

    def _on_fetched(self, key: bytes, text: str) -> None:
        arrivals = self._arrivals.pop(key, [])
        for arrival in arrivals:
            arrival.arrived(key, None if text else self._fetched().open(key))
        if not text:
            self._fetched().remove(key)
