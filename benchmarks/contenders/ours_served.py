"""PiCloud with a real master and a real worker on loopback: four kinds of process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import picloud as cloud
from benchmarks.contenders.base import Call
from benchmarks.contenders.ours import COLD_START, Verbs
from benchmarks.contenders.serving import Served

_KEY = "bench"


class Ours(Verbs):
    """A client of a master that somebody else started."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served
        self.cold_start = replace(
            COLD_START,
            environment={
                "PICLOUD_URL": served.url,
                "PICLOUD_API_KEY": _KEY,
                "PICLOUD_API_SECRETKEY": served.token,
            },
        )

    def open(self) -> None:
        cloud.connect(self._served.url, api_key=_KEY, api_secretkey=self._served.token)

    def close(self) -> None:
        cloud.close()

    def queue_pid(self) -> int:
        return self._served.master_pid

    def calling(self) -> AbstractAsyncContextManager[Call]:
        """Connects before the loop runs, at the top, where a program has it."""
        self.open()
        return self._calling()

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[Call]:
        try:
            yield self.call
        finally:
            await cloud.aclose()
