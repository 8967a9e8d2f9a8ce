"""Large parts of values on their way between a user's thread and the store.

Pickling makes blobs of them at once, so that later changes do not matter, and pins these; before
anything is sent that names them the master is asked to keep them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from picloud import errors
from picloud.blob_exchange import Arrival, Offer
from picloud.protocol.payloads import blobs_of, size_of
from picloud.result_values import NO_BLOBS
from picloud.waiters import Wake

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore, Pin


MAX_PINS = 64
"""Each is an open file."""


class Exchange(Protocol):
    """The way of blobs to the master and back, for every thread of a session."""

    def offer(self, offer: Offer) -> None:
        """Ask the master to keep blobs."""

    def withdraw(self, keys: Sequence[bytes]) -> None:
        """What was submitted until now is all that was to name these."""

    def fetch(self, arrival: Arrival) -> None:
        """Read blobs from the master."""


class BlobClient(Protocol):
    """What a client has that is needed here."""

    @property
    def exchange(self) -> Exchange:
        """The way of blobs to the master and back."""

    def loss(self) -> BaseException:
        """Make the error that says why the master is gone."""


class Keeper:
    """Makes blobs of what one submission names, and has the master keep them meanwhile.

    Args:
        store: where; asked for when there is something large.
        is_still: what is pickled does not change between two looks at it, so that the same object
            need not be read twice.
    """

    __slots__ = ("_is_still", "_kept", "_known", "_pins", "_store")

    def __init__(self, store: "Callable[[], BlobStore]", *, is_still: bool = False) -> None:
        self._store = store
        self._is_still = is_still
        self._known: dict[int, tuple[object, bytes]] = {}
        self._pins: dict[bytes, Pin] = {}
        self._kept: list[bytes] = []

    def __call__(self, data: bytes | memoryview) -> bytes:
        """Make a blob; see `code.spilled.Keep`."""
        whole = data.obj if isinstance(data, memoryview) else data
        if self._is_still:
            known = self._known.get(id(whole))
            if known is not None and size_of(known[1]) == len(data):
                return known[1]
        pin = self._store().put(data)
        self._pins.setdefault(pin.key, pin)
        if self._is_still:
            self._known[id(whole)] = whole, pin.key
        return pin.key

    @property
    def is_full(self) -> bool:
        """True if it holds as many files open as it should."""
        return len(self._pins) >= MAX_PINS

    @property
    def has_new(self) -> bool:
        """True if the master must be asked before anything is sent that names what was made."""
        return bool(self._pins)

    async def keep(self, client: BlobClient) -> None:
        """Have the master keep all that was made, until `release`.

        Raises:
            StorageFull: the master has no room for it.
            CloudException: it is gone.
        """
        if not self._pins:
            return
        offer = Offer(self._pins)
        self._pins = {}
        keys = list(offer.pins)
        client.exchange.offer(offer)
        if await offer is Wake.LOST:
            raise client.loss()
        if offer.refusal:
            client.exchange.withdraw(offer.kept)
            raise errors.StorageFull(offer.refusal)
        self._kept += keys

    def release(self, client: BlobClient) -> None:
        """All is submitted that names what was kept: now the jobs keep it."""
        if self._kept:
            client.exchange.withdraw(self._kept)
            self._kept = []


class Keepers(NamedTuple):
    """Those of a map: for what all of its jobs name, and for what each piece of them names."""

    lasting: Keeper | None
    passing: Keeper | None

    @property
    def have_new(self) -> bool:
        """True if the master must be asked before the next piece is sent."""
        return any(each is not None and each.has_new for each in self)

    async def keep(self, client: BlobClient) -> None:
        """Have the master keep all that was made; see `Keeper.keep`."""
        for each in self:
            if each is not None:
                await each.keep(client)

    def end_piece(self, client: BlobClient | None) -> None:
        """A piece is submitted."""
        if client is not None and self.passing is not None and self.passing is not self.lasting:
            self.passing.release(client)

    def end(self, client: BlobClient | None) -> None:
        """The whole map is, or has failed."""
        for each in self:
            if client is not None and each is not None:
                each.release(client)


def are_spilled(outcomes: Sequence[object]) -> bool:
    """True if one of these outcomes is a result that names blobs."""
    return any(type(each) is bytes and each[:1] == b"\0" for each in outcomes)


async def opened(
    client: BlobClient,
    store: "Callable[[], BlobStore] | None",
    outcomes: Sequence[object],
) -> Mapping[bytes, memoryview]:
    """The blobs that results name, but for those that are gone.

    Raises:
        CloudException: the master is gone.
    """
    named = [each for each in outcomes if type(each) is bytes and each[:1] == b"\0"]
    if not named or store is None:
        return NO_BLOBS
    found: dict[bytes, memoryview] = {}
    missing: list[bytes] = []
    for key in dict.fromkeys(key for payload in named for key in blobs_of(payload)):
        view = store().open(key)
        if view is None:
            missing.append(key)
        else:
            found[key] = view
    if missing:
        arrival = Arrival(missing)
        client.exchange.fetch(arrival)
        if await arrival is Wake.LOST:
            raise client.loss()
        found.update(arrival.views)
    return found
