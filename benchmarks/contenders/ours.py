"""PiCloud: what its two modes have in common.

A session and the module `picloud` have the same verbs, so `verbs` may be either.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import picloud as cloud
from benchmarks import jobs
from benchmarks.contenders.base import ColdStart, Handle, Handles

COLD_START = ColdStart(
    imports="import picloud as cloud",
    first="def seven(): return 7\nassert cloud.result(cloud.call(seven)) == 7",
)
_PATIENCE = 120.0


class Verbs:
    """The verbs as a contender's methods."""

    cold_start = COLD_START

    def __init__(self) -> None:
        self.functions = jobs.by_value()
        self._add_results = _adder()
        self.verbs: Any = cloud  # a session, or the module

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self.verbs.call(function, *arguments)

    def map(self, function: Callable[..., Any], arguments: Iterable[Any]) -> Handles:
        return self.verbs.map(function, arguments)

    def share(self, function: Callable[..., Any], argument: Any, count: int) -> Handles:
        return self.verbs.map(function, [argument] * count)

    def forget(self, handles: Handle | Handles) -> None:
        self.verbs.delete(handles)

    def gather(self, handles: Handles) -> list[Any]:
        return list(self.verbs.result(handles))

    def value(self, handle: Handle) -> Any:
        return self.verbs.result(handle)

    def chain(self, length: int) -> int:
        """Submitted up front; each job reads the result of the one that it depends on."""
        total = self.verbs.call(self.functions.noop, 0)
        for _ in range(length):
            total = self.verbs.call(self._add_results, [total], 1, _depends_on=total)
        return int(self.verbs.result(total))

    def tree(self, leaves: int) -> int:
        """Submitted up front."""
        handles = list(self.verbs.map(self.functions.noop, [1] * leaves))
        while len(handles) > 1:
            pairs = zip(handles[::2], handles[1::2], strict=True)
            handles = [self.verbs.call(self._add_results, pair, _depends_on=pair) for pair in pairs]
        return int(self.verbs.result(handles[0]))

    def wait_queued(self, handles: Handles) -> None:
        """A map may still be on its way when it returns: ask for its last job."""
        deadline = time.monotonic() + _PATIENCE
        while (status := self.verbs.status(handles[-1])) != "queued":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the last job is {status}, not queued")
            time.sleep(0.05)

    async def call(self, value: int) -> int:
        job = await self.verbs.acall(self.functions.noop, value)
        result: int = await job
        return result


def _adder() -> Callable[..., int]:
    """By value, as a user's own function travels."""

    def add_results(jobs_before: Sequence[cloud.Job], more: int = 0) -> int:
        # What a user writes: the results of dependencies are there when the job starts.
        return sum(cloud.result(jobs_before)) + more

    return add_results
