"""What goes wrong on the way to a master somewhere else."""

import socket

import pytest
from aiohttp import web

from picloud import errors
from picloud.remote import connected_session


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def answering(status: int) -> tuple[web.AppRunner, str]:
    """A server that gives this answer to everything."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


def test_nobody_there_is_said_with_advice() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    session = connected_session(url, "token")
    with pytest.raises(errors.ConnectionLost, match=r"cannot connect to .*\nTIP: is the master"):
        session.call(abs, 1)
    session.close()


@pytest.mark.parametrize(
    ("status", "cls", "text"),
    [
        (401, errors.AuthenticationError, "does not accept the key"),
        (404, errors.ConnectionLost, "is no PiCloud master: it answered HTTP status 404"),
    ],
)
async def test_a_refusal_is_told_apart(status: int, cls: type[Exception], text: str) -> None:
    runner, url = await answering(status)
    session = connected_session(url, "token")
    with pytest.raises(cls, match=text):
        await session.acall(abs, 1)
    await session.aclose()
    await runner.cleanup()


def test_whose_jobs_a_session_has_is_not_known_before_it_is_connected() -> None:
    assert connected_session("http://here:1", "token").origin is None
