"""PiCloud as it is without configuration: the master in this process, real worker processes."""

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import picloud as cloud
from benchmarks.contenders.base import WORKERS, Call
from benchmarks.contenders.ours import Verbs


class Ours(Verbs):
    """One embedded cloud, with as many slots as the rivals have processes."""

    def __init__(self) -> None:
        super().__init__()
        self._running = ExitStack()

    def open(self) -> None:
        self.verbs = self._running.enter_context(cloud.embedded(workers=WORKERS))

    def close(self) -> None:
        self._running.close()

    def queue_pid(self) -> int:
        return os.getpid()

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Call]:
        async with cloud.embedded(workers=WORKERS) as self.verbs:
            yield self.call


create = Ours
