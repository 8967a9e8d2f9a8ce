"""Keeps a worker connected: a lost master is sought again, with growing, jittered pauses."""

import asyncio
import logging
import random
from typing import Any

from picloud.aio.backoff import Backoff
from picloud.aio.websocket import Connection, ConnectionRefusedByMaster, connect
from picloud.protocol.jobs import SlotPool
from picloud_worker.app import Worker
from picloud_worker.boot import WorkerBoot

log = logging.getLogger(__name__)

_SERVER_ERRORS = 500


async def serve(
    url: str, token: str, name: str, offers: list[SlotPool], ready_fd: int | None
) -> int:
    """Work for the master at `url` until cancelled; return an exit status if it refuses us."""
    backoff = Backoff(first=0.2, longest=15.0, random=random.random)
    while True:
        try:
            connection = await connect(f"{url.rstrip('/')}/worker", token)
        except ConnectionRefusedByMaster as error:
            if error.status < _SERVER_ERRORS:
                log.critical("the master refuses this worker: %s", error)
                return 1
            log.warning("%s; trying again", error)  # a proxy, while the master is away
        except ConnectionError as error:
            log.warning("%s; trying again", error)
        else:
            accepted, text = await _work(connection, name, offers, ready_fd)
            if accepted:
                backoff.reset()
                ready_fd = None
            log.warning("the link to the master is over: %s; trying again", text)
        await asyncio.sleep(backoff.next())


async def _work(
    connection: Connection, name: str, offers: list[SlotPool], ready_fd: int | None
) -> tuple[bool, str]:
    """Serve on one connection; return whether the master took us, and why it is over."""
    worker = Worker(name, WorkerBoot(offers))
    await worker.start(connection.channel)
    try:
        first: set[asyncio.Future[Any]] = {worker.accepted, worker.ended}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if worker.accepted.done():
            log.info("%s works for the master", name)
            _tell_ready(ready_fd)
        text = await asyncio.shield(worker.ended)  # it is the worker's to set, still in `close`
        return worker.accepted.done(), text
    finally:
        await worker.close()
        await connection.close()


def _tell_ready(ready_fd: int | None) -> None:
    if ready_fd is not None:
        with open(ready_fd, "w") as ready:
            ready.write("ready\n")
