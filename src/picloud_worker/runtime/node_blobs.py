"""Does with the stores of this worker what its core asks for: blobs are read, served, removed."""

import contextlib
from collections.abc import Callable, Iterable

from picloud.blobs.fetcher import Fetcher
from picloud.blobs.store import BlobStore, Pin
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud_worker.core.events import BlobArrived, BlobMissed, BlobsFound

MAX_PINS = 256
"""Each is an open file. What is not pinned is served as long as nobody removes it."""

SETTLED = 60.0
"""Seconds after which a blob that the core has not heard of was not made for a result."""

Name = tuple[str, bytes]


class NodeBlobs:
    """The blobs of all owners on this worker.

    Args:
        stores: the store of an owner.
        say: tells the master something, with the next frame.
        post: hands an event to the core.
    """

    def __init__(
        self,
        stores: Callable[[str], BlobStore],
        say: Callable[[object], None],
        post: Callable[[BlobArrived | BlobMissed | BlobsFound], None],
    ) -> None:
        self._stores = stores
        self._say = say
        self._post = post
        self._owners: set[str] = set()
        self._fetchers: dict[str, Fetcher] = {}
        self._pins: dict[Name, list[Pin]] = {}

    def store_of(self, owner: str) -> BlobStore | None:
        """The store for the interpreters of an owner; None if it cannot be made."""
        self._owners.add(owner)
        try:
            return self._stores(owner)
        except OSError:
            return None

    # ------------------------------------------------------------------ from the master

    def fetch(self, owner: str, key: bytes) -> None:
        """Read a blob from the master, unless it is here."""
        try:
            is_here = self._stores(owner).has(key)
        except OSError as error:
            self._post(BlobMissed(owner, key, f"there is no room for it: {error.strerror}"))
            return
        if is_here:
            self._post(BlobArrived(owner, key))
        else:
            self._fetcher(owner).want(key)

    def take(self, answer: BlobPiece | BlobMissing) -> None:
        """The master has answered.

        Raises:
            RemoteProtocolError: it is no piece that was asked for.
        """
        fetcher = self._fetcher(answer.owner)
        if isinstance(answer, BlobPiece):
            fetcher.on_piece(answer)
        else:
            fetcher.on_missing(answer)

    def _fetcher(self, owner: str) -> Fetcher:
        fetcher = self._fetchers.get(owner)
        if fetcher is None:

            def ended(key: bytes, text: str) -> None:
                self._post(BlobMissed(owner, key, text) if text else BlobArrived(owner, key))

            receive = self._stores(owner).receive
            fetcher = self._fetchers[owner] = Fetcher(receive, self._say, ended, owner)
        return fetcher

    # ------------------------------------------------------------------ to the master

    def pin(self, owner: str, keys: Iterable[bytes]) -> None:
        """Keep the content of these at hand until `unpin`, whoever removes them."""
        for key in keys:
            if len(self._pins) >= MAX_PINS:
                return
            try:
                pin = self._stores(owner).pin(key)
            except OSError:
                return  # too many open files
            if pin is not None:
                self._pins.setdefault((owner, key), []).append(pin)

    def unpin(self, owner: str, keys: Iterable[bytes]) -> None:
        """Let go of them."""
        for key in keys:
            pins = self._pins.get((owner, key))
            if pins:
                pins.pop().close()
                if not pins:
                    del self._pins[owner, key]

    def serve(self, question: ReadBlob) -> None:
        """Say a piece of a blob."""
        owner, key, offset = question.owner, question.key, question.offset
        try:
            data = self._read(question)
        except OSError:
            data = None
        if data is None:
            self._say(BlobMissing(key, owner))
        else:
            self._say(BlobPiece(key, offset, data, owner))

    def _read(self, question: ReadBlob) -> bytes | None:
        pins = self._pins.get((question.owner, question.key))
        if pins:
            return pins[0].read(question.offset, question.size)
        pin = self._stores(question.owner).pin(question.key)
        if pin is None:
            return None
        try:
            return pin.read(question.offset, question.size)
        finally:
            pin.close()

    def look(self) -> None:
        """Tell the core of blobs that jobs have made for jobs of their own."""
        for owner in self._owners:
            with contextlib.suppress(OSError):  # too many open files
                keys = self._stores(owner).older_than(SETTLED)
                if keys:
                    self._post(BlobsFound(owner, sorted(keys)))

    def remove(self, owner: str, key: bytes) -> None:
        """Nothing that the core knows of needs it any more.

        What a job reads all the same, or has just made once more, stays until `look` finds it.
        """
        self._stores(owner).remove_unread(key)
