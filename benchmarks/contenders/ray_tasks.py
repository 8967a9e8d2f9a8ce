"""ray: one remote call for each job."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import ray

from benchmarks import jobs
from benchmarks.contenders.base import WORKERS, Call, ColdStart, GraphFutures, Handle, Handles

_INIT = f"ray.init(num_cpus={WORKERS}, include_dashboard=False, log_to_driver=False)"


class Remote(GraphFutures):
    """The functions are declared remote once, as ray's users do."""

    functions = jobs.BY_REFERENCE
    cold_start = ColdStart(
        imports="import ray\nfrom benchmarks.jobs import noop",
        first=f"{_INIT}\nassert ray.get(ray.remote(noop).remote(7)) == 7",
        close="ray.shutdown()",
        environment={"RAY_USAGE_STATS_ENABLED": "0"},
    )

    def open(self) -> None:
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
        self._remote = {function: ray.remote(function) for function in self.functions}

    def close(self) -> None:
        ray.shutdown()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self._remote[function].remote(*arguments)

    def share(self, function: Callable[..., Any], argument: Any, count: int) -> Handles:
        stored = ray.put(argument)
        return [self.submit(function, stored) for _ in range(count)]

    def gather(self, handles: Handles) -> list[Any]:
        return list(ray.get(handles))

    def value(self, handle: Handle) -> Any:
        return ray.get(handle)

    def calling(self) -> AbstractAsyncContextManager[Call]:
        """Starts before the loop runs: `ray.init` blocks."""
        self.open()
        return self._calling()

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[Call]:
        noop = self._remote[jobs.noop]
        try:
            yield lambda value: _value(noop.remote(value))
        finally:
            self.close()


async def _value(handle: Handle) -> int:
    value: int = await handle
    return value


create = Remote
