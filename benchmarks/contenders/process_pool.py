"""concurrent.futures.ProcessPoolExecutor."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from benchmarks import jobs
from benchmarks.contenders.base import WORKERS, Call, ColdStart, Futures, Handle


class Executor(Futures):
    """One `submit` for each job."""

    functions = jobs.BY_REFERENCE
    cold_start = ColdStart(
        imports="from concurrent.futures import ProcessPoolExecutor\n"
        "from benchmarks.jobs import noop",
        first=f"executor = ProcessPoolExecutor({WORKERS})\n"
        "assert executor.submit(noop, 7).result() == 7",
        close="executor.shutdown()",
    )

    def open(self) -> None:
        self._executor = ProcessPoolExecutor(WORKERS)

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self._executor.submit(function, *arguments)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Call]:
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(WORKERS) as executor:
            yield lambda value: loop.run_in_executor(executor, jobs.noop, value)


create = Executor
