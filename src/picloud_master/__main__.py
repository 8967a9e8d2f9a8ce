"""`python -m picloud_master`: a master in a process of its own."""

import argparse
import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from picloud.aio.collector import collect_rarely
from picloud.aio.loop_thread import new_event_loop
from picloud.aio.places import state_places
from picloud.blobs.places import OwnerStores, make_store_directory
from picloud.blobs.store import BlobStore
from picloud_master.api.server import Server
from picloud_master.app import SERVED, Master
from picloud_master.guard import forbid_unpickling
from picloud_master.store.memory import MemoryStore

TOKEN_VARIABLE = "PICLOUD_API_SECRETKEY"
MAX_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m picloud_master",
        description="Serve a PiCloud master. Workers join with: python -m picloud_worker URL",
        epilog=f"Every peer must present the token that stands in {TOKEN_VARIABLE}; without one "
        "the master makes one up and prints it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one (%(default)s)")
    parser.add_argument(
        "--data-limit",
        type=_gigabytes,
        default=SERVED.max_blob_bytes,
        metavar="GB",
        help="how much large data one account may have here (64)",
    )
    parser.add_argument("--ready-fd", type=int, help="write the URL to this descriptor once up")
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= MAX_PORT:
        parser.error(f"a port is a number from 0 to {MAX_PORT}")
    forbid_unpickling()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        token = secrets.token_urlsafe(24)
        print(f"export {TOKEN_VARIABLE}={token}", flush=True)
    collect_rarely()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(serve(options, token))


def _gigabytes(text: str) -> float:
    """Bytes."""
    size = float(text) * 1e9
    if not size >= 0:
        raise ValueError("a size is not negative")
    return size


async def serve(options: argparse.Namespace, token: str) -> int:
    """Serve until a signal or a failure; return the exit status."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Queue[int] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.put_nowait, 0)
    try:
        base = BlobStore(None, make_store_directory(state_places()))  # what waits takes no memory
    except OSError as error:
        print(f"cannot keep large data: {error}", file=sys.stderr)
        return 1
    try:
        return await _serve_until(ended, options, token, base)
    finally:
        base.delete()


async def _serve_until(
    ended: "asyncio.Queue[int]",
    options: argparse.Namespace,
    token: str,
    base: BlobStore,
) -> int:
    stores = OwnerStores(base)
    policy = replace(SERVED, max_blob_bytes=options.data_limit).for_room(base.free())
    master = Master(MemoryStore(), lambda _error: ended.put_nowait(1), policy, stores.of)
    server = Server(master, token)
    host = options.host
    try:
        port = await server.start(host, options.port)
    except OSError as error:
        print(f"cannot listen on {host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    url = f"http://{host}:{port}"
    print(f"PiCloud master at {url}", flush=True)
    _tell_ready(options.ready_fd, url)
    status = await ended.get()
    await server.stop_listening()  # else the peers that are sent away come back at once
    await master.close()
    await server.close()
    return status


def _tell_ready(ready_fd: int | None, url: str) -> None:
    if ready_fd is not None:
        with open(ready_fd, "w") as ready:
            ready.write(url + "\n")


if __name__ == "__main__":
    sys.exit(main())
