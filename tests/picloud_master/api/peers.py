"""A master behind its real server, and peers that may send it anything."""

import asyncio
from typing import Any

import aiohttp

from picloud.aio.places import state_places
from picloud.blobs.places import OwnerStores, make_store_directory
from picloud.blobs.store import BlobStore
from picloud.protocol.client_messages import Accepted, JidsReserved, KillAllJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.jobs import CORE_TYPES, JobSpec, SlotPool
from picloud.protocol.link_messages import Close, Hello, PeerRole
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import RegisterWorker
from picloud_master.api.server import Server
from picloud_master.app import Master
from picloud_master.store.memory import MemoryStore

DEADLINE = 20.0
TOKEN = "s3cret"
DEFINITION = DefineSpec(1, JobSpec("f", "3.11"), b"code")
REGISTRATION = RegisterWorker("w", "3.11", [SlotPool(list(CORE_TYPES), 2)])


class RawPeer:
    """A websocket to a master, without a link: it says what the test wants."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, role: PeerRole) -> None:
        self.socket = socket
        self.role = role
        self._read: list[Any] = []

    @property
    def transport(self) -> asyncio.Transport:
        """What is under the websocket, for bytes that no websocket sends."""
        connection = self.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        return connection.transport

    async def say(self, *messages: object) -> None:
        """Send a frame of messages."""
        await self.socket.send_bytes(WIRE.encode(messages))

    async def hear(self, kind: type) -> Any:
        """Wait for a message of a kind; skip others."""
        async with asyncio.timeout(DEADLINE):
            while True:
                while self._read:
                    message = self._read.pop(0)
                    if type(message) is kind:
                        return message
                frame = await self.socket.receive()
                assert frame.type is aiohttp.WSMsgType.BINARY, f"{frame} instead of {kind}"
                self._read += WIRE.decode(frame.data)

    async def hear_rest(self) -> list[Any]:
        """Everything until the socket ends."""
        async with asyncio.timeout(DEADLINE):
            async for frame in self.socket:
                self._read += WIRE.decode(frame.data)
        return self._read

    async def dismissal(self) -> Close:
        """Wait for the goodbye of the master, answer it, and see the socket end."""
        goodbye: Close = await self.hear(Close)
        await self.say(Close(goodbye.reason, ""))
        await self.hear_rest()
        assert self.socket.closed
        return goodbye

    async def greet(self) -> "RawPeer":
        """Say hello as a peer of its kind does."""
        await self.say(Hello(1, 1, self.role, "raw"))
        await self.hear(Hello)
        return self


class Served:
    """A master that is served on a port of its own."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self._base = BlobStore(None, make_store_directory(state_places()))
        self.stores = OwnerStores(self._base)
        self.master = Master(MemoryStore(), self.failures.append, stores=self.stores.of)
        self.server = Server(self.master, TOKEN)
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        self.url = f"http://127.0.0.1:{await self.server.start('127.0.0.1', 0)}"
        self.http = aiohttp.ClientSession()

    async def close(self) -> None:
        """End it all; the master must have been well until now."""
        await self.http.close()
        await self.server.stop_listening()
        await self.master.close()
        await self.server.close()
        self._base.delete()
        assert self.failures == []

    async def connect(
        self, role: PeerRole = PeerRole.CLIENT, path: str = "", authorization: str | None = None
    ) -> RawPeer:
        """Open a websocket; the path is that of the role if no other is given."""
        socket = await self.http.ws_connect(
            self.url + (path or f"/{role.value}"),
            headers={"Authorization": authorization or f"Bearer {TOKEN}"},
        )
        return RawPeer(socket, role)

    async def client(self) -> tuple[RawPeer, int]:
        """A client that has greeted, and the first of its job ids."""
        peer = await (await self.connect()).greet()
        reserved: JidsReserved = await peer.hear(JidsReserved)
        return peer, reserved.first

    async def worker(self) -> RawPeer:
        """A worker that has greeted and not registered."""
        return await (await self.connect(PeerRole.WORKER)).greet()

    async def status(self, path: str, **headers: str) -> int:
        """The HTTP status of a page."""
        async with self.http.get(self.url + path, headers=headers) as response:
            return response.status

    async def is_well_for(self, peer: RawPeer) -> bool:
        """True when another peer still gets answers."""
        await peer.say(KillAllJobs(77))
        return bool(await peer.hear(Accepted) == Accepted(77)) and not self.failures
