"""The composition root of a worker: builds its parts and names what each of them needs."""

import asyncio
import logging
import platform
import secrets
import shutil
from collections.abc import Callable

from picloud.aio.channel import Channel
from picloud.aio.session import LinkSession
from picloud.blobs.places import OwnerStores
from picloud.blobs.store import BlobStore
from picloud.protocol.link import Link, LinkClosed, LinkEvent, LinkOpened, MessagesReceived
from picloud.protocol.link_messages import CloseReason, PeerRole
from picloud.protocol.worker_messages import RegisterWorker, WorkerAccepted
from picloud_worker.boot import WorkerBoot
from picloud_worker.core.agent import Agent
from picloud_worker.core.events import Event, MasterSaid
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import available_memory, max_sleepers
from picloud_worker.runtime.latency_request import LatencyRequest
from picloud_worker.runtime.runtime import Runtime

log = logging.getLogger(__name__)


class Worker:
    """A worker: built before the loop runs, then started on it.

    When the link is lost all interpreters are ended: the master runs their jobs elsewhere.

    Args:
        name: for people.
        boot: what was there first.
    """

    def __init__(self, name: str, boot: WorkerBoot) -> None:
        self._name = name
        self._boot = boot
        self._interpreters = Interpreters(boot.settings, self._post, boot.zygote)
        self._interpreters.spawn()

    async def start(self, channel: Channel) -> None:
        """Greet the master at the other end of the channel."""
        loop = asyncio.get_running_loop()
        self.accepted: asyncio.Future[None] = loop.create_future()
        """Done once the master has registered this worker."""
        self.ended: asyncio.Future[str] = loop.create_future()
        """Done with a reason once the link is over."""
        await self._interpreters.start()
        link = Link(
            PeerRole.WORKER,
            self._name,
            loop.time(),
            silence_limit=channel.silence_limit,
            codec=channel.codec,
        )
        self._session = LinkSession(link, channel, self._on_event)
        cores = sum(offer.cores for offer in self._boot.offers)
        sleepers = max_sleepers(available_memory(), cores)
        agent = Agent(
            self._boot.offers,
            sleepers,
            shares_store=self._boot.shares_store,
            last_sequence=secrets.randbelow(1 << 31),
        )
        self._latency_request = LatencyRequest()
        self._runtime = Runtime(
            agent,
            self._interpreters,
            self._session,
            self._stores(),
            self._fail,
            self._latency_request.renew,
        )

    async def close(self) -> None:
        """Leave the master, then end all interpreters."""
        self._session.close()
        await self._session.wait_closed()
        self._runtime.stop()
        self._latency_request.close()
        await self._interpreters.close()
        if not self._boot.shares_store:
            self._boot.store.delete()
        shutil.rmtree(self._boot.settings.state_dir, ignore_errors=True)

    def _stores(self) -> Callable[[str], BlobStore]:
        store = self._boot.store
        return (lambda _owner: store) if self._boot.shares_store else OwnerStores(store).of

    def _post(self, event: Event) -> None:
        self._runtime.post(event)

    def _on_event(self, event: LinkEvent) -> None:
        match event:
            case MessagesReceived(messages):
                if not self.accepted.done() and WorkerAccepted in map(type, messages):
                    self.accepted.set_result(None)
                self._runtime.post(MasterSaid(messages))
            case LinkOpened():
                python = ".".join(platform.python_version_tuple()[:2])
                self._session.send(RegisterWorker(self._name, python, self._boot.offers))
            case LinkClosed(reason, text):
                self.ended.set_result(text or reason.value)

    def _fail(self, error: BaseException) -> None:
        log.critical("the worker cannot go on", exc_info=error)
        self._session.close(CloseReason.LOST, f"the worker failed: {type(error).__name__}: {error}")
