"""multiprocessing.Pool."""

from collections.abc import Callable
from multiprocessing import Pool
from typing import Any

from benchmarks import jobs
from benchmarks.contenders.base import WORKERS, ColdStart, Futures, Handle, Handles


class Processes(Futures):
    """One `apply_async` for each job; its own map gives the jobs no handles."""

    functions = jobs.BY_REFERENCE
    cold_start = ColdStart(
        imports="from multiprocessing import Pool\nfrom benchmarks.jobs import noop",
        first=f"pool = Pool({WORKERS})\nassert pool.apply_async(noop, (7,)).get() == 7",
        close="pool.terminate()\npool.join()",
    )

    def open(self) -> None:
        self._pool = Pool(WORKERS)

    def close(self) -> None:
        self._pool.terminate()
        self._pool.join()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self._pool.apply_async(function, arguments)

    def gather(self, handles: Handles) -> list[Any]:
        return [handle.get() for handle in handles]

    def value(self, handle: Handle) -> Any:
        return handle.get()


create = Processes
