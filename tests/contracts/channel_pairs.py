"""Two connected ends of each kind of channel, and a record of what arrives at an end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from picloud.aio.channel import Channel
from picloud.aio.memory import LossyChannel, MemoryChannel
from picloud.aio.websocket import WebSocketChannel, accept, connect

DEADLINE = 20.0


class Ear:
    """What has arrived at one end."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.losses: list[str] = []
        self._more = asyncio.Event()

    def listen(self, channel: Channel) -> "Ear":
        """Start the channel."""
        channel.start(self._on_frame, self._on_lost)
        return self

    async def until(self, condition: Callable[["Ear"], object]) -> None:
        """Wait until something is true of what has arrived."""
        async with asyncio.timeout(DEADLINE):
            while not condition(self):
                self._more.clear()
                await self._more.wait()

    async def until_frames(self, count: int) -> list[bytes]:
        """Wait for this many frames; return all that came."""
        await self.until(lambda ear: len(ear.frames) >= count)
        return self.frames

    async def until_lost(self) -> list[str]:
        """Wait for the loss of the channel; return the reasons, of which there should be one."""
        await self.until(lambda ear: ear.losses)
        return self.losses

    def _on_frame(self, frame: bytes) -> None:
        self.frames.append(frame)
        self._more.set()

    def _on_lost(self, text: str) -> None:
        self.losses.append(text)
        self._more.set()


class WebSocketServer:
    """A real server on the loopback interface whose sockets the test gets as channels."""

    def __init__(self) -> None:
        application = web.Application()
        application.router.add_get("/end", self._accept)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=0.1
        )
        self.accepted: asyncio.Queue[WebSocketChannel] = asyncio.Queue()
        self.requests: list[web.Request] = []
        self.url = ""
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/end"

    async def close(self) -> None:
        """Stop listening, and drop what is connected."""
        self._closing.set()
        await self._runner.cleanup()

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        socket, channel = await accept(request)
        self.requests.append(request)
        self.accepted.put_nowait(channel)
        await self._closing.wait()
        return socket


@asynccontextmanager
async def websocket_server() -> AsyncIterator[WebSocketServer]:
    """A server for the time of a test."""
    server = WebSocketServer()
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def websocket_pair() -> AsyncIterator[tuple[WebSocketChannel, WebSocketChannel]]:
    """The client's end and the server's."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(websocket_server())
        connection = await connect(server.url, "token")
        stack.push_async_callback(connection.close)
        yield connection.channel, await server.accepted.get()


@asynccontextmanager
async def reversed_websocket_pair() -> AsyncIterator[tuple[WebSocketChannel, WebSocketChannel]]:
    """The server's end and the client's."""
    async with websocket_pair() as (client, server):
        yield server, client


@asynccontextmanager
async def memory_pair() -> AsyncIterator[tuple[MemoryChannel, MemoryChannel]]:
    """Two ends in memory."""
    yield MemoryChannel.pair(asyncio.get_running_loop())


@asynccontextmanager
async def slow_pair() -> AsyncIterator[tuple[MemoryChannel, MemoryChannel]]:
    """Two ends in memory, with a wire that takes a while, and never the same."""
    one, other = LossyChannel.pair(asyncio.get_running_loop())
    for end in (one, other):
        delays = iter([0.005, 0.0, 0.001] * 1000)
        end.fate = lambda _frame, delays=delays: next(delays)  # type: ignore[attr-defined]
    yield one, other


PAIRS = [memory_pair, slow_pair, websocket_pair, reversed_websocket_pair]
