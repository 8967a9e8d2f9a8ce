"""dask.distributed with its default settings: scheduler in this process, worker processes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from distributed import Client, LocalCluster

from benchmarks import jobs
from benchmarks.contenders.base import WORKERS, Call, ColdStart, GraphFutures, Handle, Handles

_OPTIONS: dict[str, Any] = {  # the type of each differs
    "processes": True,
    "n_workers": WORKERS,
    "threads_per_worker": 1,
    "dashboard_address": None,
}


class Cluster(GraphFutures):
    """One `submit` for each job; pure=False, so that no result is taken from another job."""

    functions = jobs.BY_REFERENCE
    cold_start = ColdStart(
        imports="from distributed import Client, LocalCluster\nfrom benchmarks.jobs import noop",
        first=f"client = Client(LocalCluster(**{_OPTIONS!r}))\n"
        "assert client.submit(noop, 7).result() == 7",
        close="client.cluster.close()\nclient.close()",
    )

    def open(self) -> None:
        self._cluster = LocalCluster(**_OPTIONS)
        self._client = Client(self._cluster)

    def close(self) -> None:
        self._client.close()
        self._cluster.close()

    def share(self, function: Callable[..., Any], argument: Any, count: int) -> Handles:
        stored = self._client.scatter(argument, broadcast=True)
        return [self.submit(function, stored) for _ in range(count)]

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self._client.submit(function, *arguments, pure=False)

    def gather(self, handles: Handles) -> list[Any]:
        return list(self._client.gather(handles))

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Call]:
        async with (
            LocalCluster(asynchronous=True, **_OPTIONS) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):

            async def call(value: int) -> int:
                result: int = await client.submit(jobs.noop, value, pure=False)
                return result

            yield call


create = Cluster
