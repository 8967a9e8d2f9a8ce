"""The websocket endpoints that clients and workers connect to, and a page that says it is up."""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from picloud.aio.places import socket_path
from picloud.aio.websocket import LOOPBACK, accept
from picloud.protocol import limits
from picloud_master.runtime.ports import Admission

DEFAULT_OWNER = "main"
"""Whose jobs they are when a peer names no key."""

_OWNER = web.RequestKey("owner", str)


class Server:
    """Serves one master over HTTP.

    Args:
        admission: takes the peers.
        token: the secret that every peer must present, as the bearer token `token` or
            `owner:token`. All owners share it: it keeps strangers out, not owners apart.
    """

    def __init__(self, admission: Admission, token: str) -> None:
        self._admission = admission
        self._token = token.encode()
        self._socket: Path | None = None
        application = web.Application(middlewares=[self._authenticate])
        application.router.add_get("/client", self._client)
        application.router.add_get("/worker", self._worker)
        application.router.add_get("/health", self._health)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=limits.CLOSE_LIMIT,
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which the system chooses if `port` is 0."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        address: tuple[str, int] = self._runner.addresses[0]
        port = address[1]
        local = socket_path(port) if host in LOOPBACK else None
        if local is not None:
            local.unlink(missing_ok=True)  # of a master that was killed: the port is ours now
            await web.UnixSite(self._runner, str(local)).start()
            self._socket = local
        return port

    async def stop_listening(self) -> None:
        """Take no more peers; those that there are stay."""
        for site in list(self._runner.sites):
            await site.stop()

    async def close(self) -> None:
        """Stop listening, and end what connections are left."""
        await self._runner.cleanup()
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)

    @web.middleware
    async def _authenticate(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        owner, _, token = credentials.rpartition(":")
        if scheme != "Bearer" or not hmac.compare_digest(_as_sent(token), self._token):
            raise web.HTTPUnauthorized(text="the token is missing or wrong\n")
        request[_OWNER] = owner or DEFAULT_OWNER
        return await handler(request)

    async def _client(self, request: web.Request) -> web.StreamResponse:
        socket, channel = await accept(request)
        self._admission.accept_client(channel, request[_OWNER])
        await channel.wait_closed()
        return socket

    async def _worker(self, request: web.Request) -> web.StreamResponse:
        socket, channel = await accept(request)
        self._admission.accept_worker(channel)
        await channel.wait_closed()
        return socket

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "up"})


def _as_sent(header: str) -> bytes:
    """The bytes of a header's text: aiohttp keeps in it, escaped, what was no text."""
    return header.encode(errors="surrogateescape")
