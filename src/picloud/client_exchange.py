"""The exchange of blobs of a client with an engine: what threads want of it is posted there."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from picloud.aio.session import LinkSession
from picloud.blob_exchange import Arrival, BlobExchange, Offer
from picloud.waiters import Wake

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore


class Engine(Protocol):
    """What a client has that is needed here."""

    @property
    def link(self) -> LinkSession | None:
        """The link to the master, once there is one."""

    @property
    def is_lost(self) -> bool:
        """The master is gone."""

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Have a function called on the engine's loop."""

    def flush_soon(self) -> None:
        """Send what is due at the end of this turn."""


class ClientExchange:
    """Offers and reads of all threads of a session.

    Args:
        engine: the client's.
        store: where large parts of values are kept on this machine.
    """

    def __init__(self, engine: Engine, store: "Callable[[], BlobStore]") -> None:
        self._engine = engine
        self.store = store
        self._exchange = BlobExchange(store, store, self._say)
        self.handlers = self._exchange.handlers
        self.lose = self._exchange.lose
        self._withdrawn: list[bytes] = []

    # ------------------------------------------------------------------ any thread

    def offer(self, offer: Offer) -> None:
        """Ask the master to keep blobs."""
        self._engine.post(self._offer, offer)

    def withdraw(self, keys: Sequence[bytes]) -> None:
        """What was submitted until now is all that was to name these."""
        self._engine.post(self._withdraw, keys)

    def fetch(self, arrival: Arrival) -> None:
        """Read blobs from the master."""
        self._engine.post(self._fetch, arrival)

    # ------------------------------------------------------------------ engine

    def send(self) -> None:
        """Withdraw what is to be withdrawn: all that was submitted before has been sent."""
        if self._withdrawn:
            withdrawn, self._withdrawn = self._withdrawn, []
            self._exchange.withdraw(withdrawn)

    def _offer(self, offer: Offer) -> None:
        if self._engine.link is None or self._engine.is_lost:
            offer.set(Wake.LOST)
        else:
            self._exchange.offer(offer)

    def _fetch(self, arrival: Arrival) -> None:
        if self._engine.link is None or self._engine.is_lost:
            arrival.set(Wake.LOST)
        else:
            self._exchange.fetch(arrival)

    def _withdraw(self, keys: Sequence[bytes]) -> None:
        self._withdrawn += keys
        self._engine.flush_soon()

    def _say(self, message: object) -> None:
        link = self._engine.link
        if link is not None:
            link.send(message)
            self._engine.flush_soon()
