"""The composition root of a worker: builds its parts and names what each of them needs."""

import asyncio
import logging
import platform
import secrets
import shutil
from collections.abc import Callable, Sequence

from picloud.aio.channel import Channel
from picloud.aio.places import environments_place, state_places
from picloud.aio.session import LinkSession
from picloud.blobs.places import OwnerStores, make_store
from picloud.blobs.store import BlobStore
from picloud.protocol.jobs import SlotPool, most_cores
from picloud.protocol.link import Link, LinkClosed, LinkEvent, LinkOpened, MessagesReceived
from picloud.protocol.link_messages import CloseReason, PeerRole
from picloud.protocol.worker_messages import RegisterWorker, WorkerAccepted
from picloud_worker.core.agent import Agent
from picloud_worker.core.events import Event, MasterSaid
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import InterpreterSettings, available_memory, max_sleepers
from picloud_worker.runtime.latency_request import LatencyRequest
from picloud_worker.runtime.runtime import Runtime
from picloud_worker.state import make_state_dir

log = logging.getLogger(__name__)


class Worker:
    """A worker: built before the loop runs, so that it boots meanwhile; then started on it.

    When the link is lost all interpreters are ended: the master runs their jobs elsewhere.

    Args:
        name: for people.
        offers: the cores that it offers.
        import_path: where jobs look for modules first.
        store: one that it shares with the master; None for one of its own.
    """

    def __init__(
        self,
        name: str,
        offers: list[SlotPool],
        import_path: Sequence[str] = (),
        store: BlobStore | None = None,
    ) -> None:
        self._name = name
        self._offers = offers
        self._state_dir = make_state_dir()
        self._shares_store = store is not None
        self._store = store or make_store(state_places())
        settings = InterpreterSettings(
            self._state_dir,
            list(import_path),
            stores=list(self._store.directories),
            environments=str(environments_place()),
            most_cores=most_cores(offers) if self._shares_store else {},
        )
        self._interpreters = Interpreters(settings, self._post)
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
        cores = sum(offer.cores for offer in self._offers)
        sleepers = max_sleepers(available_memory(), cores)
        agent = Agent(
            self._offers,
            sleepers,
            shares_store=self._shares_store,
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
        if not self._shares_store:
            self._store.delete()
        shutil.rmtree(self._state_dir, ignore_errors=True)

    def _stores(self) -> Callable[[str], BlobStore]:
        store = self._store
        return (lambda _owner: store) if self._shares_store else OwnerStores(store).of

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
                self._session.send(RegisterWorker(self._name, python, self._offers))
            case LinkClosed(reason, text):
                self.ended.set_result(text or reason.value)

    def _fail(self, error: BaseException) -> None:
        log.critical("the worker cannot go on", exc_info=error)
        self._session.close(CloseReason.LOST, f"the worker failed: {type(error).__name__}: {error}")
