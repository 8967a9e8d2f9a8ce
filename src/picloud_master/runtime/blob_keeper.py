"""Keeps blobs in stores, one for each owner: reads them from peers, and serves them in pieces.

What it has to say to a peer goes through the kernel, as an event.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from picloud.blobs.fetcher import Fetcher
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import (
    DropBlob,
    FetchFromPeer,
    LosePeer,
    ServePeer,
    TakeFromPeer,
)
from picloud_master.core.events import BlobFetched, Event, PeerTold
from picloud_master.runtime.ports import Peer

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore  # it takes time to load; a program may never need it

log = logging.getLogger(__name__)

LOOKED_AT = 16
"""Blobs that are looked at when one is to be removed: others may be free by now."""

_GONE = "whoever offered it is gone"


class BlobKeeper:
    """Carries out what the core wants of blobs.

    Args:
        stores: the store of an owner, made when it is first asked for.
        post: hands an event to the kernel.
        find: a peer that is connected by itself, as those of jobs are not.
    """

    def __init__(
        self,
        stores: "Callable[[str], BlobStore]",
        post: Callable[[Event], None],
        find: Callable[[BlobPeer], Peer | None],
    ) -> None:
        self._stores = stores
        self._post = post
        self._find = find
        self._fetchers: dict[BlobPeer, dict[str, Fetcher]] = {}
        self._waiting: dict[BlobPeer, deque[ServePeer]] = {}
        self._lingering: deque[tuple[str, bytes]] = deque()

    # ------------------------------------------------------------------ reading from peers

    def fetch(self, effect: FetchFromPeer) -> None:
        """Read a blob that is not here: a cloud in one process has but one store."""
        peer, owner, key = effect.peer, effect.owner, effect.key
        if (owner, key) in self._lingering:
            self._lingering.remove((owner, key))
        try:
            is_here = self._stores(owner).has(key)
        except OSError as error:
            self._post(BlobFetched(owner, key, f"it cannot be stored: {error.strerror}"))
            return
        if is_here:
            self._post(BlobFetched(owner, key))
        else:
            self._fetcher(peer, owner).want(key)

    def take(self, effect: TakeFromPeer) -> None:
        """What was asked for has come, or cannot come."""
        fetcher = self._fetchers[effect.peer][effect.owner]
        message = effect.message
        if isinstance(message, BlobPiece):
            fetcher.on_piece(message)
        else:
            fetcher.on_missing(message)

    def lose(self, effect: LosePeer) -> None:
        """Nothing more can be read from a peer, and nothing need be said to it."""
        for fetcher in self._fetchers.pop(effect.peer, {}).values():
            fetcher.lose(_GONE)

    def _fetcher(self, peer: BlobPeer, owner: str) -> Fetcher:
        fetchers = self._fetchers.setdefault(peer, {})
        fetcher = fetchers.get(owner)
        if fetcher is None:
            fetcher = fetchers[owner] = Fetcher(
                self._stores(owner).receive,
                lambda question: self._post(PeerTold(peer, question)),
                lambda key, text: self._post(BlobFetched(owner, key, text)),
                peer.named(owner),
            )
        return fetcher

    # ------------------------------------------------------------------ serving them

    def serve(self, effect: ServePeer) -> None:
        """Answer a peer, once it has read most of what was said to it before."""
        peer = effect.peer
        waiting = self._waiting.get(peer)
        link = self._find(peer)
        if waiting is not None:
            waiting.append(effect)
        elif link is None or link.has_room():
            self._answer(effect)
        else:
            self._waiting[peer] = deque((effect,))
            link.on_room(lambda: self._serve_waiting(peer))

    def _serve_waiting(self, peer: BlobPeer) -> None:
        for effect in self._waiting.pop(peer):
            self._answer(effect)

    def _answer(self, effect: ServePeer) -> None:
        peer, question = effect.peer, effect.question
        piece = self._read(effect.owner, question) if effect.is_kept else None
        name = peer.named(effect.owner)
        if piece is None:
            self._post(PeerTold(peer, BlobMissing(question.key, name)))
        else:
            self._post(PeerTold(peer, BlobPiece(question.key, question.offset, piece, name)))

    def _read(self, owner: str, question: ReadBlob) -> bytes | None:
        try:
            pin = self._stores(owner).pin(question.key)
            if pin is None:
                return None
            try:
                return pin.read(question.offset, question.size)
            finally:
                pin.close()
        except OSError:
            log.exception("a blob cannot be read")
            return None

    def remove(self, effect: DropBlob) -> None:
        """Nobody needs it; but whoever has just put it here once more is about to offer it.

        What is read or put here now is looked at again with those that follow.
        """
        self._lingering.append((effect.owner, effect.key))
        for _ in range(min(len(self._lingering), LOOKED_AT)):
            owner, key = self._lingering.popleft()
            try:
                if not self._stores(owner).remove_unread(key):
                    self._lingering.append((owner, key))
            except OSError:
                log.exception("a blob cannot be removed")
