"""Reads blobs from one peer, piece by piece, into a store. No I/O but the store's.

A few pieces are asked for ahead, so that the line is never idle; what they take in all is all that
the peer has to have in memory for us.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

from picloud.protocol import limits
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.payloads import size_of


class Receiving(Protocol):
    """What a store makes for a blob that arrives."""

    received: int

    def add(self, data: bytes) -> None:
        """Take the next piece."""

    def finish(self) -> bool:
        """It is whole; False if it is not what its key says, and was thrown away."""

    def abort(self) -> None:
        """It will not become whole."""


class _Fetch:
    """A blob of which something was asked for."""

    def __init__(self, incoming: Receiving, size: int) -> None:
        self.incoming = incoming
        self.size = size
        self.asked = 0
        self.unanswered = 0


class Fetcher:
    """One blob after the other, in the order in which they were wanted.

    Args:
        receive: begins to take in a blob.
        send: asks the peer.
        on_end: called once for each blob, with a text if it could not be had.
        owner: whose blobs these are, as the messages name it.
    """

    def __init__(
        self,
        receive: Callable[[bytes], Receiving],
        send: Callable[[ReadBlob], None],
        on_end: Callable[[bytes, str], None],
        owner: str = "",
    ) -> None:
        self._receive = receive
        self._send = send
        self._on_end = on_end
        self._owner = owner
        self._wanted: dict[bytes, _Fetch | None] = {}
        self._unasked: OrderedDict[bytes, None] = OrderedDict()  # of these not all was asked for
        self._late: Counter[bytes] = Counter()  # answers to come about what was given up
        self._ahead = 0

    def want(self, key: bytes) -> None:
        """Fetch this blob, which is not empty, if that is not under way."""
        if key not in self._wanted:
            self._wanted[key] = None
            self._unasked[key] = None
            self._ask()

    def on_piece(self, message: BlobPiece) -> None:
        """Take a piece.

        Raises:
            RemoteProtocolError: it is not the one that was asked for.
        """
        fetch = self._answered(message.key)
        if fetch is not None:
            self._take(fetch, message)
        self._ask()

    def on_missing(self, message: BlobMissing) -> None:
        """The peer has it no more.

        Raises:
            RemoteProtocolError: it was not asked for.
        """
        if self._answered(message.key) is not None:
            self._give_up(message.key, "it was deleted")
        self._ask()

    def lose(self, text: str) -> None:
        """The peer is gone, and answers nothing more."""
        self._unasked.clear()
        for key in list(self._wanted):
            self._give_up(key, text)
        self._late.clear()
        self._ahead = 0

    def _answered(self, key: bytes) -> _Fetch | None:
        """What was asked for; None if it was given up before the answer came."""
        fetch = self._wanted.get(key)
        if key in self._late:
            fetch = None  # answers about one blob are in order: this is still one of the old ones
            self._late[key] -= 1
            if not self._late[key]:
                del self._late[key]
        elif fetch is not None and fetch.unanswered:
            fetch.unanswered -= 1
        else:
            raise RemoteProtocolError("an answer about a blob that was not asked for")
        self._ahead -= 1
        return fetch

    def _take(self, fetch: _Fetch, message: BlobPiece) -> None:
        incoming = fetch.incoming
        expected = min(limits.BLOB_PIECE, fetch.size - incoming.received)
        if message.offset != incoming.received or len(message.data) != expected:
            raise RemoteProtocolError("a piece of a blob that was not asked for")
        try:
            incoming.add(message.data)
            if incoming.received < fetch.size:
                return
            is_right = incoming.finish()
        except OSError as error:
            self._give_up(message.key, f"there is no room for it: {error.strerror}")
            return
        del self._wanted[message.key]
        self._on_end(message.key, "" if is_right else "its content is not what its key says")

    def _give_up(self, key: bytes, text: str) -> None:
        fetch = self._wanted.pop(key)
        self._unasked.pop(key, None)
        if fetch is not None:
            if fetch.unanswered:
                self._late[key] += fetch.unanswered
            fetch.incoming.abort()
        self._on_end(key, text)

    def _ask(self) -> None:
        while self._unasked and self._ahead < limits.PIECES_AHEAD:
            key = next(iter(self._unasked))
            fetch = self._wanted[key] or self._begin(key)
            if fetch is not None:
                self._ask_for_piece(key, fetch)

    def _begin(self, key: bytes) -> _Fetch | None:
        try:
            fetch = self._wanted[key] = _Fetch(self._receive(key), size_of(key))
        except OSError as error:
            self._give_up(key, f"there is no room for it: {error.strerror}")
            return None
        return fetch

    def _ask_for_piece(self, key: bytes, fetch: _Fetch) -> None:
        question = ReadBlob(
            key, fetch.asked, min(limits.BLOB_PIECE, fetch.size - fetch.asked), self._owner
        )
        fetch.asked += question.size
        fetch.unanswered += 1
        self._ahead += 1
        if fetch.asked == fetch.size:
            del self._unasked[key]
        self._send(question)
