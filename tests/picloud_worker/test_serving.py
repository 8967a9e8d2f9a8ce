import asyncio
import os

import pytest
from aiohttp import web

from picloud.protocol.jobs import SlotPool
from picloud_worker.serving import serve

DEADLINE = 20.0
OFFERS = [SlotPool(["c1"], 1)]


async def tried(*answers: int) -> tuple[int, int]:
    """Serve at a master that answers so; return the exit status, and how often it was asked."""
    left = list(answers)
    asked = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=left.pop(0))

    application = web.Application()
    application.router.add_get("/worker", answer)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        async with asyncio.timeout(DEADLINE):
            return await serve(url, "token", "w", OFFERS, None), asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_ends_a_worker(status: int) -> None:
    assert await tried(status) == (1, 1)


async def test_a_proxy_without_a_master_behind_it_is_asked_again() -> None:
    assert await tried(502, 503, 401) == (1, 3)


async def test_nobody_is_told_that_a_refused_worker_is_ready() -> None:
    reading, writing = os.pipe()
    try:
        await tried(401)
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)
    finally:
        os.close(reading)
        os.close(writing)
