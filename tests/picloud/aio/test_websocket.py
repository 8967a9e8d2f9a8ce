"""Websockets over the loopback interface: what they do beside what every channel does."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from picloud.aio.session import ROOM_LIMIT, LinkSession
from picloud.aio.websocket import ConnectionRefusedByMaster, WebSocketChannel, connect
from picloud.protocol import limits
from picloud.protocol.link import Link, LinkClosed, LinkEvent
from picloud.protocol.link_messages import CloseReason, PeerRole
from tests.contracts.channel_pairs import (
    DEADLINE,
    Ear,
    WebSocketServer,
    websocket_pair,
    websocket_server,
)
from tests.support.matching import like

MEGABYTE = bytes(1 << 20)


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with websocket_server() as made:
        yield made


@pytest.fixture
async def ends() -> AsyncIterator[tuple[WebSocketChannel, WebSocketChannel]]:
    async with websocket_pair() as pair:
        yield pair


Ends = tuple[WebSocketChannel, WebSocketChannel]


async def fill(channel: WebSocketChannel) -> int:
    """Send until there is no more room; return how many megabytes that took."""
    count = 0
    while channel.buffered() < ROOM_LIMIT:
        assert count < 1000, "somebody reads all this"
        channel.send(MEGABYTE)
        count += 1
        if count % 8 == 0:  # let the loop move what the sockets take
            done = asyncio.Event()
            asyncio.get_running_loop().call_later(0.002, done.set)
            await done.wait()
    return count


# ------------------------------------------------------------------ frames


async def test_frames_of_several_megabytes_arrive_whole(ends: Ends) -> None:
    one, other = ends
    heard, back = Ear().listen(other), Ear().listen(one)
    frames = [bytes([number]) * (5 << 20) for number in range(4)]
    for frame in frames:
        one.send(frame)
        other.send(frame)
    assert await heard.until_frames(4) == frames
    assert await back.until_frames(4) == frames
    assert one.buffered() == other.buffered() == 0


async def test_small_frames_stay_behind_large_ones(ends: Ends) -> None:
    one, other = ends
    frames = [bytes([number]) * ((8 << 20) if number % 3 == 0 else 3) for number in range(9)]
    for frame in frames:
        one.send(frame)
    assert await Ear().listen(other).until_frames(9) == frames


async def test_the_largest_frame_there_may_be_arrives(ends: Ends) -> None:
    one, other = ends
    heard = Ear().listen(other)
    one.send(bytes(limits.MAX_FRAME - 1))
    assert [len(frame) for frame in await heard.until_frames(1)] == [limits.MAX_FRAME - 1]


async def test_a_frame_over_the_limit_ends_the_channel_with_the_reason(ends: Ends) -> None:
    one, other = ends
    heard, own = Ear().listen(other), Ear().listen(one)
    one.send(bytes(limits.MAX_FRAME + 1))
    (text,) = await heard.until_lost()
    assert str(limits.MAX_FRAME) in text
    assert heard.frames == []
    await own.until_lost()


async def test_text_arrives_as_its_bytes_and_is_refused_by_a_link(server: WebSocketServer) -> None:
    connection = await connect(server.url, "token")
    accepted = await server.accepted.get()
    events: list[LinkEvent] = []
    now = asyncio.get_running_loop().time()
    session = LinkSession(Link(PeerRole.MASTER, "m", now), accepted, events.append)
    own = Ear().listen(connection.channel)
    await connection.channel._socket.send_str("hello, is this a chat?")
    await session.wait_closed()
    assert events == [like(LinkClosed, reason=CloseReason.PROTOCOL)]
    await own.until_lost()
    await connection.close()


# ------------------------------------------------------------------ back-pressure


@pytest.mark.parametrize("from_client", [True, False])
async def test_a_peer_that_does_not_read_leaves_no_room_until_it_does(
    ends: Ends, from_client: bool
) -> None:
    one, other = ends if from_client else ends[::-1]
    Ear().listen(one)
    count = await fill(one)
    room = asyncio.Event()
    one.on_room(room.set)
    one.send(b"last")
    assert one.buffered() >= ROOM_LIMIT
    assert not room.is_set()
    heard = Ear().listen(other)
    async with asyncio.timeout(DEADLINE):
        await room.wait()
    frames = await heard.until_frames(count + 1)
    assert frames[-1] == b"last"
    assert one.buffered() == 0


async def test_who_waits_for_room_is_called_when_the_peer_is_lost(ends: Ends) -> None:
    one, other = ends
    own = Ear().listen(one)
    await fill(one)
    room = asyncio.Event()
    one.on_room(room.set)
    Ear().listen(other)
    other.close()
    await own.until_lost()
    async with asyncio.timeout(DEADLINE):
        await room.wait()
    assert own.losses == own.losses[:1]


# ------------------------------------------------------------------ ends


async def test_a_peer_that_is_killed_is_lost(server: WebSocketServer) -> None:
    connection = await connect(server.url, "token")
    own = Ear().listen(connection.channel)
    heard = Ear().listen(await server.accepted.get())
    transport = server.requests[0].transport
    assert transport is not None
    transport.abort()
    assert await own.until_lost() == ["the connection was closed"]
    assert await heard.until_lost() == ["the connection was closed"]
    connection.channel.send(b"to nobody")
    await connection.close()


async def test_closing_the_connection_ends_the_channel_at_both_ends(
    server: WebSocketServer,
) -> None:
    connection = await connect(server.url, "token")
    heard = Ear().listen(await server.accepted.get())
    own = Ear().listen(connection.channel)
    await connection.close()
    await heard.until_lost()
    await own.until_lost()


async def test_wait_closed_lasts_as_long_as_the_channel(ends: Ends) -> None:
    one, other = ends
    Ear().listen(one)
    Ear().listen(other)
    waiting = asyncio.ensure_future(other.wait_closed())
    one.send(b"a")
    await asyncio.sleep(0)
    assert not waiting.done()
    one.close()
    async with asyncio.timeout(DEADLINE):
        await waiting


async def test_a_peer_that_has_stopped_reading_for_good_is_dropped(
    server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLOSE_LIMIT", 0.05)
    connection = await connect(server.url, "token")
    accepted = await server.accepted.get()
    own = Ear().listen(accepted)
    await fill(accepted)
    accepted.close()
    await own.until_lost()
    assert accepted._closer is not None
    async with asyncio.timeout(DEADLINE):
        await accepted._closer
    transport = server.requests[0].transport
    assert transport is None or transport.is_closing()
    await connection.close()


# ------------------------------------------------------------------ connecting


async def test_the_token_is_presented_as_a_bearer(server: WebSocketServer) -> None:
    connection = await connect(server.url, "s3cret")
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    await connection.close()


async def test_a_refusal_has_its_status(server: WebSocketServer) -> None:
    with pytest.raises(ConnectionRefusedByMaster, match="404") as raised:
        await connect(server.url + "/elsewhere", "token")
    assert raised.value.status == 404
    assert server.url in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://", "nonsense", "ftp://127.0.0.1/x", "http://127.0.0.1:99999/x", "http://[::1/x"]
)
async def test_an_address_that_is_none_cannot_be_connected_to(url: str) -> None:
    with pytest.raises(ConnectionError, match="cannot connect to"):
        await connect(url, "token")


async def test_where_nobody_listens_nobody_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/end"
        with pytest.raises(ConnectionError, match=url) as refused:
            await connect(url, "token")
    assert "Connect call failed" in str(refused.value)
    assert "ssl" not in str(refused.value)


async def test_who_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picloud.aio.websocket.CONNECT_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/end"
        with pytest.raises(ConnectionError, match="no answer"):
            await connect(url, "token")


async def test_who_answers_something_else_is_no_master() -> None:
    async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 this is a mail server\r\n")
        writer.close()

    async with await asyncio.start_server(chat, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError, match="cannot connect to"):
            await connect(f"http://127.0.0.1:{port}/end", "token")


async def test_a_page_that_is_no_websocket_refuses() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    application = web.Application()
    application.router.add_get("/end", page)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/end"
    with pytest.raises(ConnectionRefusedByMaster) as raised:
        await connect(url, "token")
    assert raised.value.status == 200
    assert isinstance(raised.value.__cause__, aiohttp.WSServerHandshakeError)
    await runner.cleanup()
