"""`python -m picloud_worker URL`: a worker in a process of its own."""

import argparse
import asyncio
import logging
import os
import platform
import signal
import sys
from collections.abc import Sequence

from picloud.aio.addresses import master_url
from picloud.aio.collector import collect_rarely
from picloud.aio.loop_thread import new_event_loop
from picloud.protocol.jobs import CORE_TYPES, SlotPool
from picloud_worker.serving import serve

TOKEN_VARIABLE = "PICLOUD_API_SECRETKEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and work until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m picloud_worker",
        description="Run jobs of a PiCloud master on this machine.",
        epilog=f"The token that the master expects is read from {TOKEN_VARIABLE}.",
    )
    parser.add_argument("url", help="the master's address, such as http://127.0.0.1:8000")
    parser.add_argument(
        "--cores", type=int, default=len(os.sched_getaffinity(0)), help="jobs at once (%(default)s)"
    )
    parser.add_argument(
        "--core-types",
        default=",".join(CORE_TYPES),
        help="types of cores that these are, with commas between (%(default)s)",
    )
    parser.add_argument("--name", default=platform.node(), help="for people (%(default)s)")
    parser.add_argument("--ready-fd", type=int, help="write to this descriptor once registered")
    options = parser.parse_args(arguments)
    core_types = options.core_types.split(",")
    unknown = set(core_types) - set(CORE_TYPES)
    if unknown or options.cores < 1:
        parser.error(f"core types are {', '.join(CORE_TYPES)}, and there is at least one core")
    try:
        url = master_url(options.url)
    except ValueError as error:
        parser.error(str(error))
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        parser.error(f"set {TOKEN_VARIABLE} to the master's token")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    collect_rarely()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        offers = [SlotPool(core_types, options.cores)]
        return runner.run(_work(url, token, options.name, offers, options.ready_fd))


async def _work(
    url: str, token: str, name: str, offers: list[SlotPool], ready_fd: int | None
) -> int:
    serving = asyncio.ensure_future(serve(url, token, name, offers, ready_fd))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        return await serving
    except asyncio.CancelledError:
        return 0  # by one of the two signals


if __name__ == "__main__":
    sys.exit(main())
