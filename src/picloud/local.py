"""The embedded cloud: a master and a worker inside this process, jobs in others.

The same kernel, agent and interpreters as in a cloud of separate processes, on the session's
background loop, over channels in memory that carry the same frames. aiohttp is not loaded.
"""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from picloud import errors
from picloud.aio.loop_thread import LoopThread
from picloud.client import Client
from picloud.code.modules.file_watch import path_entries
from picloud.code.modules.own_modules import is_own_place
from picloud.protocol.jobs import CORE_TYPES, SlotPool
from picloud.session import Session

OWNER = "local"

Close = Callable[[], Awaitable[None]]

_numbers = itertools.count(1)


def embedded_session(
    workers: int | None = None, core_types: Mapping[str, int] | None = None
) -> Session:
    """Make a session on an embedded cloud of its own; it starts with the first verb.

    Args:
        workers: how many jobs run at once; as many as this process may use cores by default.
            These cores serve every core type.
        core_types: instead, how many cores there are of each type, such as {"c1": 2, "m1": 1}.
    """
    offers = _offers(workers, core_types)
    return Session(partial(_open, offers), offers=offers)


def _offers(workers: int | None, core_types: Mapping[str, int] | None) -> list[SlotPool]:
    if core_types is None:
        cores = workers if workers is not None else len(os.sched_getaffinity(0))
        return [SlotPool(list(CORE_TYPES), _checked(cores))]
    if workers is not None:
        raise ValueError("give either workers or core_types")
    if not isinstance(core_types, Mapping):
        raise TypeError(f'core_types is a dict such as {{"c1": 2}}, not {core_types!r}')
    unknown = sorted(set(core_types) - set(CORE_TYPES))
    if unknown or not core_types:
        raise ValueError(f"core types are {', '.join(CORE_TYPES)}, not {unknown}")
    return [SlotPool([core_type], _checked(cores)) for core_type, cores in core_types.items()]


def _checked(cores: int) -> int:
    if isinstance(cores, bool) or not isinstance(cores, int):
        raise TypeError(f"a number of cores is an int, not {cores!r}")
    if cores < 1:
        raise ValueError(f"there must be at least one core, not {cores}")
    return cores


async def _open(offers: list[SlotPool], thread: LoopThread, client: Client) -> Close:
    """Start a cloud on the current loop and connect the client to it."""
    from picloud_worker.boot import WorkerBoot

    # What is installed here is there for jobs. The user's own modules must travel, as anywhere.
    installed = [each for each in path_entries() if not is_own_place(each)]
    try:
        # All have one store: what one of them has written the others have.
        store = client.exchange.store()
        boot = WorkerBoot(offers, installed, store)
    except OSError as error:
        raise _cannot_start(error) from error

    # The zygote boots in its own process while the rest is imported here.
    from picloud.aio.memory import MemoryChannel
    from picloud.aio.session import LinkSession
    from picloud.protocol.frames import HAND_OVER
    from picloud.protocol.link import Link
    from picloud.protocol.link_messages import PeerRole
    from picloud_master.app import Master
    from picloud_master.core.policy import FOR_ONE_PROGRAM
    from picloud_master.store.memory import MemoryStore
    from picloud_worker.app import Worker

    worker = Worker(f"embedded-{next(_numbers)}", boot)
    loop = thread.loop
    policy = FOR_ONE_PROGRAM.for_room(store.free())
    master = Master(MemoryStore(), client.fail, policy, lambda _owner: store)
    master_end, worker_end = MemoryChannel.pair(loop, HAND_OVER)
    master.accept_worker(master_end)
    await worker.start(worker_end)
    master_end, client_end = MemoryChannel.pair(loop, HAND_OVER)
    master.accept_client(master_end, OWNER)
    link = Link(
        PeerRole.CLIENT,
        "client",
        loop.time(),
        silence_limit=client_end.silence_limit,
        codec=HAND_OVER,
    )
    client.attach(LinkSession(link, client_end, client.on_link_event))

    def worker_ended(ended: asyncio.Future[str]) -> None:
        # There will be no other worker: nobody must wait for jobs that nothing can run.
        client.fail(errors.ConnectionLost(f"the embedded worker has ended: {ended.result()}"))

    worker.ended.add_done_callback(worker_ended)

    async def close() -> None:
        worker.ended.remove_done_callback(worker_ended)
        await worker.close()
        await master.close()

    return close


def _cannot_start(error: OSError) -> errors.ConnectionLost:
    return errors.ConnectionLost(
        f"the embedded cloud cannot be started: {error}",
        hint="it needs a directory that can be written, such as PICLOUD_STATE_DIR names, "
        "and room for a few processes",
    )
