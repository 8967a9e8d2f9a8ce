"""The composition root of a master: builds its parts and names what each of them needs."""

import asyncio
import errno
import itertools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from picloud.aio.channel import Channel
from picloud.aio.driver import Driver
from picloud.protocol.ids import SessionId, WorkerId
from picloud_master.api.sessions import ClientPeer, PeerSession, WorkerPeer
from picloud_master.core.events import AlarmRang, Event
from picloud_master.core.kernel import Kernel
from picloud_master.core.policy import Policy
from picloud_master.runtime.alarm import Alarm
from picloud_master.runtime.clock import SteadyClock
from picloud_master.runtime.outbox import Outbox
from picloud_master.runtime.performer import Performer
from picloud_master.runtime.ports import RecordStore

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore

log = logging.getLogger(__name__)

SERVED = Policy()


def no_store(owner: str) -> NoReturn:
    """Of a master that keeps no blobs.

    Raises:
        OSError: always.
    """
    raise OSError(errno.EOPNOTSUPP, "this master keeps no large data")


class Master:
    """A running master on the current event loop; peers are handed to it as channels.

    Args:
        store: where records live.
        on_failure: called once with the error if the master cannot go on; it serves nobody then.
        policy: what it decides by; the store says whether records are kept.
        stores: where the blobs of an owner are kept; a master without refuses all.
    """

    def __init__(
        self,
        store: RecordStore,
        on_failure: Callable[[BaseException], None],
        policy: Policy = SERVED,
        stores: "Callable[[str], BlobStore]" = no_store,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._on_failure = on_failure
        self._clock = SteadyClock(time.time)
        self._kernel = Kernel(replace(policy, durable=store.durable), os.urandom(32))
        self._alarm = Alarm(self._loop, self._clock.now, lambda: self._driver.post(AlarmRang()))
        self._performer = Performer(self._alarm.set, stores, lambda event: self._driver.post(event))
        self._outbox = Outbox(store, self._performer.perform, self._fail)
        self._driver: Driver[Event] = Driver(self._turn, self._fail)
        self._sessions = itertools.count(1)
        self._workers = itertools.count(1)
        self._peers: set[PeerSession] = set()

    def accept_client(self, channel: Channel, owner: str) -> PeerSession:
        """Serve a client that has proved to act for `owner`."""
        session = SessionId(next(self._sessions))
        now = self._loop.time()
        peer = ClientPeer(channel, now, session, owner, self._driver.post, self._performer.clients)
        return self._keep(peer)

    def accept_worker(self, channel: Channel) -> PeerSession:
        """Use a worker that has proved that it may serve us."""
        worker = WorkerId(next(self._workers))
        now = self._loop.time()
        return self._keep(
            WorkerPeer(channel, now, worker, self._driver.post, self._performer.workers)
        )

    async def close(self) -> None:
        """Say goodbye to all peers and release the store."""
        self._alarm.cancel()
        await asyncio.gather(*(peer.close() for peer in self._peers))
        await self._store.close()

    def _turn(self, events: list[Event]) -> None:
        self._outbox.put(self._kernel.handle(self._clock.now(), *events))

    def _fail(self, error: BaseException) -> None:
        log.critical("the master cannot go on", exc_info=error)
        for peer in self._peers:
            peer.dismiss(f"the master failed: {type(error).__name__}: {error}")
        self._on_failure(error)

    def _keep(self, peer: PeerSession) -> PeerSession:
        self._peers.add(peer)
        peer.on_closed(self._peers.discard)
        return peer
