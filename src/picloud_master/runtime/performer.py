"""Carries out effects: says to each connected peer what the kernel wants it to hear."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from picloud.protocol.ids import SessionId, WorkerId
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import (
    DismissClient,
    DismissWorker,
    DropBlob,
    Effect,
    FetchFromPeer,
    LosePeer,
    SendToClient,
    SendToWorker,
    ServePeer,
    SetAlarm,
    TakeFromPeer,
)
from picloud_master.core.events import Event
from picloud_master.runtime.blob_keeper import BlobKeeper
from picloud_master.runtime.ports import Peer

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore


class Performer:
    """Knows the connected peers. One that has left meanwhile is skipped: its loss is an event.

    Args:
        set_alarm: called with the time, in UTC seconds, at which the kernel wants to be woken.
        stores: the store of blobs of an owner.
        post: hands to the kernel what stores have to say.
    """

    def __init__(
        self,
        set_alarm: Callable[[float], None],
        stores: "Callable[[str], BlobStore]",
        post: Callable[[Event], None],
    ) -> None:
        self._alarm_setter = set_alarm
        self._blobs = BlobKeeper(stores, post, self._find)
        self.clients: dict[SessionId, Peer] = {}
        self.workers: dict[WorkerId, Peer] = {}
        self._spoken_to: dict[Peer, None] = {}

    def perform(self, effects: Iterable[Effect]) -> None:
        """Carry out effects, in order; what is said to one peer leaves as one frame."""
        for effect in effects:
            _PERFORM[type(effect)](self, effect)
        spoken_to, self._spoken_to = self._spoken_to, {}
        for peer in spoken_to:
            peer.flush()

    def _say(self, peer: Peer | None, message: Any) -> None:
        if peer is not None:
            peer.enqueue(message)
            self._spoken_to[peer] = None

    def _send_to_client(self, effect: SendToClient) -> None:
        self._say(self.clients.get(effect.session), effect.message)

    def _send_to_worker(self, effect: SendToWorker) -> None:
        self._say(self.workers.get(effect.worker), effect.message)

    def _dismiss_client(self, effect: DismissClient) -> None:
        peer = self.clients.get(effect.session)
        if peer is not None:
            peer.dismiss(effect.text)

    def _dismiss_worker(self, effect: DismissWorker) -> None:
        peer = self.workers.get(effect.worker)
        if peer is not None:
            peer.dismiss(effect.text)

    def _set_alarm(self, effect: SetAlarm) -> None:
        self._alarm_setter(effect.at)

    def _fetch_blob(self, effect: FetchFromPeer) -> None:
        self._blobs.fetch(effect)

    def _take_piece(self, effect: TakeFromPeer) -> None:
        self._blobs.take(effect)

    def _serve_piece(self, effect: ServePeer) -> None:
        self._blobs.serve(effect)

    def _remove_blob(self, effect: DropBlob) -> None:
        self._blobs.remove(effect)

    def _lose_blob_peer(self, effect: LosePeer) -> None:
        self._blobs.lose(effect)

    def _find(self, peer: BlobPeer) -> Peer | None:
        if peer.session is not None:
            return self.clients.get(peer.session)
        return None if peer.worker is None else self.workers.get(peer.worker)


_PERFORM: dict[type, Callable[[Performer, Any], None]] = {
    SendToClient: Performer._send_to_client,
    SendToWorker: Performer._send_to_worker,
    DismissClient: Performer._dismiss_client,
    DismissWorker: Performer._dismiss_worker,
    SetAlarm: Performer._set_alarm,
    FetchFromPeer: Performer._fetch_blob,
    TakeFromPeer: Performer._take_piece,
    ServePeer: Performer._serve_piece,
    DropBlob: Performer._remove_blob,
    LosePeer: Performer._lose_blob_peer,
}
