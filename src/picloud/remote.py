"""Sessions with a master somewhere else, over a websocket."""

from picloud import errors
from picloud.aio.loop_thread import LoopThread
from picloud.aio.session import LinkSession
from picloud.client import Client
from picloud.protocol.link import Link
from picloud.protocol.link_messages import PeerRole
from picloud.session import Closer, Session

UNAUTHORIZED = 401
ENDPOINT = "/client"


def connected_session(url: str, token: str) -> Session:
    """Make a session with the master at this URL; it connects at the first verb."""

    async def opener(thread: LoopThread, client: Client) -> Closer:
        return await _open(url, token, thread, client)

    # The same master, the same jobs: handles outlive a lost connection.
    return Session(opener, has_own_master=False)


async def _open(url: str, token: str, thread: LoopThread, client: Client) -> Closer:
    from picloud.aio import websocket  # costs 100 ms, and an embedded cloud needs none of it

    try:
        connection = await websocket.connect(url + ENDPOINT, token)
    except websocket.ConnectionRefusedByMaster as error:
        raise _refusal(url, error.status) from error
    except ConnectionError as error:
        raise errors.ConnectionLost(
            str(error), hint=f"is the master running, and is {url} its address?"
        ) from error
    link = Link(PeerRole.CLIENT, "client", thread.loop.time())
    link_session = LinkSession(link, connection.channel, client.on_link_event)
    client.attach(link_session)

    async def close() -> None:
        link_session.close()
        await link_session.wait_closed()
        await connection.channel.wait_closed()
        await connection.close()

    return close


def _refusal(url: str, status: int) -> errors.CloudException:
    if status == UNAUTHORIZED:
        return errors.AuthenticationError(
            f"the master at {url} does not accept the key",
            hint="set PICLOUD_API_SECRETKEY, or pass api_secretkey to connect()",
        )
    return errors.ConnectionLost(f"{url} is no PiCloud master: it answered HTTP status {status}")
