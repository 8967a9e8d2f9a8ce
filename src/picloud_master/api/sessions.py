"""Connected peers: a link on one side, events for the kernel on the other."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from picloud.aio.channel import Channel
from picloud.aio.session import LinkSession
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.link import (
    Link,
    LinkClosed,
    LinkEvent,
    LinkOpened,
    MessagesReceived,
    PeerDrained,
)
from picloud.protocol.link_messages import CloseReason, PeerRole
from picloud.protocol.worker_messages import RegisterWorker
from picloud_master.core import events
from picloud_master.runtime.ports import Peer

Post = Callable[[events.Event], None]


class PeerSession(ABC):
    """What client and worker sessions share: a link in the master's role."""

    def __init__(self, channel: Channel, role: PeerRole, now: float, name: str) -> None:
        self._callbacks: list[Callable[[PeerSession], None]] = []
        link = Link(
            PeerRole.MASTER,
            name,
            now,
            expected=frozenset({role}),
            silence_limit=channel.silence_limit,
            codec=channel.codec,
        )
        self._session = LinkSession(link, channel, self._on_event)

    def enqueue(self, message: Any) -> None:  # Any: a message of the peer's protocol
        """See `Peer`."""
        self._session.enqueue(message)

    def flush(self) -> None:
        """See `Peer`."""
        self._session.flush()

    def has_room(self) -> bool:
        """See `Peer`."""
        return self._session.has_room()

    def on_room(self, callback: Callable[[], None]) -> None:
        """See `Peer`."""
        self._session.on_room(callback)

    def dismiss(self, text: str) -> None:
        """See `Peer`."""
        self._session.close(CloseReason.REFUSED, text)

    def on_closed(self, callback: Callable[["PeerSession"], None]) -> None:
        """Call back once the link is over."""
        self._callbacks.append(callback)

    async def close(self) -> None:
        """Say goodbye and wait for the peer's."""
        self._session.close()
        await self._session.wait_closed()

    def _on_event(self, event: LinkEvent) -> None:
        match event:
            case MessagesReceived(messages):
                self._received(messages)
            case LinkOpened():
                self._opened()
            case PeerDrained():
                # After the turn that answers what came just before.
                asyncio.get_running_loop().call_soon(self._session.close)
            case LinkClosed(reason, text):
                self._closed(text or reason.value)
                for callback in self._callbacks:
                    callback(self)

    @abstractmethod
    def _opened(self) -> None:
        """The peer has greeted."""

    @abstractmethod
    def _received(self, messages: list[Any]) -> None:
        """The peer has said something."""

    @abstractmethod
    def _closed(self, text: str) -> None:
        """The link is over, whether or not the peer ever greeted."""


class ClientPeer(PeerSession):
    """A connected client. It joins `peers` when it has greeted and leaves with its link."""

    def __init__(
        self,
        channel: Channel,
        now: float,
        session: SessionId,
        owner: str,
        post: Post,
        peers: dict[SessionId, Peer],
    ) -> None:
        self._id = session
        self._owner = owner
        self._post = post
        self._peers = peers
        super().__init__(channel, PeerRole.CLIENT, now, "master")

    def _opened(self) -> None:
        self._peers[self._id] = self
        self._post(events.SessionOpened(self._id, self._owner))

    def _received(self, messages: list[Any]) -> None:
        self._post(events.ClientSaid(self._id, messages))

    def _closed(self, text: str) -> None:
        if self._peers.pop(self._id, None) is not None:
            self._post(events.SessionClosed(self._id))


class WorkerPeer(PeerSession):
    """A connected worker. It joins `peers` when it has registered and leaves with its link."""

    def __init__(
        self,
        channel: Channel,
        now: float,
        worker: WorkerId,
        post: Post,
        peers: dict[WorkerId, Peer],
    ) -> None:
        self._id = worker
        self._post = post
        self._peers = peers
        super().__init__(channel, PeerRole.WORKER, now, "master")

    def _opened(self) -> None:
        """Nothing is known of it before it registers."""

    def _received(self, messages: list[Any]) -> None:
        if self._id not in self._peers:
            registration, *messages = messages
            if not isinstance(registration, RegisterWorker):
                self.dismiss("the first message of a worker is its registration")
                return
            self._peers[self._id] = self
            self._post(events.WorkerJoined(self._id, registration))
        if messages:
            self._post(events.WorkerSaid(self._id, messages))

    def _closed(self, text: str) -> None:
        if self._peers.pop(self._id, None) is not None:
            self._post(events.WorkerLost(self._id, text))
