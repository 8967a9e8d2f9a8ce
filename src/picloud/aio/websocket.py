"""Channels over aiohttp websockets, either end. The only module of this package on aiohttp."""

import asyncio
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from picloud.aio.channel import FrameCallback, LostCallback
from picloud.aio.places import socket_path
from picloud.protocol import limits
from picloud.protocol.wire import WIRE

LOOPBACK = ("127.0.0.1", "localhost", "::1")

CONNECT_TIMEOUT = 10.0
"""Seconds until an attempt to connect is given up."""


class WebSocketChannel:
    """A `Channel` over an open websocket. A reader task delivers frames until the socket ends.

    Args:
        socket: the websocket.
        transport: what is under it, where nobody else ends it when the peer takes nothing more.
    """

    silence_limit = limits.SILENCE_LIMIT
    codec = WIRE

    def __init__(
        self,
        socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        transport: asyncio.WriteTransport | None = None,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pending: deque[bytes] = deque()
        self._buffered = 0
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._rooms: list[Callable[[], None]] = []
        self._closer: asyncio.Task[None] | None = None

    def start(self, on_frame: FrameCallback, on_lost: LostCallback) -> None:
        """See `Channel`."""
        self._reader = self._loop.create_task(
            self._read(on_frame, on_lost), name="picloud websocket reader"
        )

    def send(self, frame: bytes) -> None:
        """See `Channel`. Written at once unless the socket is full: no task per frame."""
        if self._socket.closed:
            return
        if self._writer is not None:
            self._pending.append(frame)
            self._buffered += len(frame)
            return
        coroutine = self._socket.send_bytes(frame)
        try:
            waiting_for = coroutine.send(None)
        except StopIteration:
            return
        except ConnectionError:
            return  # the reader sees the same loss and reports it
        self._writer = self._loop.create_task(
            self._write_rest(coroutine, waiting_for), name="picloud websocket writer"
        )

    def buffered(self) -> int:
        """See `Channel`."""
        return self._buffered

    def on_room(self, callback: Callable[[], None]) -> None:
        """See `Channel`."""
        if self._writer is None:
            self._loop.call_soon(callback)
        else:
            self._rooms.append(callback)

    def close(self) -> None:
        """See `Channel`."""
        if self._closer is None:
            self._closer = self._loop.create_task(self._close(), name="picloud websocket closer")

    async def wait_closed(self) -> None:
        """Return once the reader has ended: a server's request handler must last as long."""
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(limits.CLOSE_LIMIT):
                if self._writer is not None:
                    await asyncio.wait([self._writer])
                await self._socket.close()
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()  # else all that the peer does not take stays in memory

    async def _read(self, on_frame: FrameCallback, on_lost: LostCallback) -> None:
        error: object = None
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.ERROR:
                    error = message.data
                    break
                # Text is no frame of ours: the link refuses it as it does other nonsense.
                data = message.data
                on_frame(data if type(data) is bytes else str(data).encode())
        finally:
            error = error or self._socket.exception()
            # aiohttp could not answer a goodbye, or a ping: that says nothing of the reason.
            is_told = error and not isinstance(error, aiohttp.ClientConnectionResetError)
            on_lost(str(error) if is_told else "the connection was closed")
            self._give_room()

    async def _write_rest(self, coroutine: Coroutine[Any, Any, None], waiting_for: object) -> None:
        try:
            await _resume(coroutine, waiting_for)
            while self._pending:
                frame = self._pending.popleft()
                self._buffered -= len(frame)
                await self._socket.send_bytes(frame)
        except ConnectionError:
            self._pending.clear()  # the reader sees the same loss and reports it
            self._buffered = 0
        finally:
            self._writer = None
            self._give_room()

    def _give_room(self) -> None:
        rooms, self._rooms = self._rooms, []
        for callback in rooms:
            callback()


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, None], waiting_for: object) -> Generator[Any, Any, None]:
    """Go on with a coroutine whose first step was taken by hand and waits for something."""
    yield waiting_for
    yield from coroutine.__await__()


class Connection:
    """A client's or worker's websocket, with the HTTP session under it."""

    def __init__(self, http: aiohttp.ClientSession, channel: WebSocketChannel) -> None:
        self._http = http
        self.channel = channel

    async def close(self) -> None:
        """Release the HTTP session; the channel ends too."""
        await self._http.close()


class ConnectionRefusedByMaster(ConnectionError):  # noqa: N818 - says what happened
    """The other side answered, and said no; `status` is its HTTP status."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} answered with HTTP status {status}")
        self.status = status


async def accept(request: web.Request) -> tuple[web.WebSocketResponse, WebSocketChannel]:
    """Answer a request for a websocket; the request's handler must outlast the channel."""
    socket = web.WebSocketResponse(max_msg_size=limits.MAX_FRAME, compress=False)
    await socket.prepare(request)
    return socket, WebSocketChannel(socket, request.transport)


async def connect(url: str, token: str) -> Connection:
    """Open a websocket to a master.

    Args:
        url: the endpoint, as http(s) or ws(s).
        token: the shared secret, presented as a bearer token.

    Raises:
        ConnectionRefusedByMaster: the master answered, and said no (401: the token is wrong).
        ConnectionError: nobody answered there in time.
    """
    local = _local_socket(url)
    if local is not None:
        try:
            return await _connect(url, token, aiohttp.UnixConnector(path=str(local)))
        except ConnectionRefusedByMaster:
            raise
        except ConnectionError:
            pass  # left behind by a master that was killed: whoever has its port now is on TCP
    return await _connect(url, token, None)


def _local_socket(url: str) -> Path | None:
    """The socket file of a master on this machine that runs as this user, if there is one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None  # aiohttp says what is wrong with the address
    if host not in LOOPBACK or port is None:
        return None
    path = socket_path(port)
    return path if path is not None and path.exists() else None


async def _connect(url: str, token: str, connector: aiohttp.BaseConnector | None) -> Connection:
    http = aiohttp.ClientSession(connector=connector)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            socket = await http.ws_connect(
                url,
                headers={"Authorization": f"Bearer {token}"},
                max_msg_size=limits.MAX_FRAME,
                compress=0,
                autoping=True,
            )
    except aiohttp.WSServerHandshakeError as error:
        await http.close()
        raise ConnectionRefusedByMaster(url, error.status) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        await http.close()
        # aiohttp adds what it would do about TLS. Some of its errors have no such attribute.
        cause = getattr(error, "_os_error", None) or error
        raise ConnectionError(f"cannot connect to {url}: {str(cause) or 'no answer'}") from error
    except BaseException:
        await http.close()
        raise
    return Connection(http, WebSocketChannel(socket))
