"""PiCloud: what its two modes have in common.

A session and the module `picloud` have the same verbs, so `verbs` may be either.
"""

import time
from collections.abc import Callable, Iterable
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
        self.verbs: Any = cloud  # a session, or the module

    def submit(self, function: Callable[..., Any], argument: Any) -> Handle:
        return self.verbs.call(function, argument)

    def map(self, function: Callable[..., Any], arguments: Iterable[Any]) -> Handles:
        return self.verbs.map(function, arguments)

    def gather(self, handles: Handles) -> list[Any]:
        return list(self.verbs.result(handles))

    def value(self, handle: Handle) -> Any:
        return self.verbs.result(handle)

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
