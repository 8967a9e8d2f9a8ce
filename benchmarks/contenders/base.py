"""What a workload may ask of a contender."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from benchmarks.jobs import Functions

WORKERS = 2  # worker processes (ours: slots) of every contender

Call: TypeAlias = Callable[[int], Awaitable[int]]  # one no-op job, from asyncio
Handle: TypeAlias = Any  # a Job, a Future, an AsyncResult, an ObjectRef
Handles: TypeAlias = Any  # a JobMap, or a list of handles


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A program that ends after its first result, as a user would write it."""

    imports: str
    first: str
    close: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


class Contender(Protocol):
    """Something that runs functions in `WORKERS` processes."""

    functions: Functions
    cold_start: ColdStart

    def open(self) -> None:
        """Start, ready for the first job."""

    def close(self) -> None:
        """Forget what is queued and end every process."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        """Start one job."""

    def map(self, function: Callable[..., Any], arguments: Iterable[Any]) -> Handles:
        """Start many jobs, each with a handle of its own, in the best way there is."""

    def gather(self, handles: Handles) -> list[Any]:
        """The results of all, in order."""

    def value(self, handle: Handle) -> Any:
        """The result of one."""

    def share(self, function: Callable[..., Any], argument: Any, count: int) -> Handles:
        """Start so many jobs with the same large argument, in the best way there is."""

    def forget(self, handles: Handle | Handles) -> None:
        """The results are not needed any more; most see that by themselves."""

    def chain(self, length: int) -> int:
        """Add 1 to 0 so many times, each time in a job that needs the one before."""

    def tree(self, leaves: int) -> int:
        """Add up so many jobs that return 1, in pairs: jobs that need two others each."""

    def wait_queued(self, handles: Handles) -> None:
        """Wait until the last of these jobs stands in the queue."""

    def queue_pid(self) -> int:
        """The process that holds the queue."""

    def calling(self) -> AbstractAsyncContextManager[Call]:
        """Instead of open and close: the same for an asyncio program."""


class Futures:
    """The part that is alike for rivals in the own process: futures with a blocking `result()`."""

    functions: Functions

    def map(self, function: Callable[..., Any], arguments: Iterable[Any]) -> Handles:
        return [self.submit(function, argument) for argument in arguments]

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        raise NotImplementedError

    def share(self, function: Callable[..., Any], argument: Any, count: int) -> Handles:
        return [self.submit(function, argument) for _ in range(count)]

    def forget(self, handles: Handle | Handles) -> None:
        """They go with their futures."""

    def gather(self, handles: Handles) -> list[Any]:
        return [handle.result() for handle in handles]

    def value(self, handle: Handle) -> Any:
        return handle.result()

    def chain(self, length: int) -> int:
        """They have no graph: the program waits for each step."""
        total = 0
        for _ in range(length):
            total = self.value(self.submit(self.functions.add, total, 1))
        return total

    def tree(self, leaves: int) -> int:
        """The program waits for each level."""
        values = self.gather(self.map(self.functions.noop, [1] * leaves))
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = self.gather([self.submit(self.functions.add, *pair) for pair in pairs])
        return int(values[0])

    def wait_queued(self, handles: Handles) -> None:
        """Their submission returns when the job is queued."""

    def queue_pid(self) -> int:
        return os.getpid()

    def calling(self) -> AbstractAsyncContextManager[Call]:
        raise NotImplementedError("no way to await")


class GraphFutures(Futures):
    """For rivals whose jobs take the handles of others as arguments: graphs are submitted whole."""

    def chain(self, length: int) -> int:
        """See `Contender`."""
        total: Handle = 0
        for _ in range(length):
            total = self.submit(self.functions.add, total, 1)
        return int(self.value(total))

    def tree(self, leaves: int) -> int:
        """See `Contender`."""
        handles = list(self.map(self.functions.noop, [1] * leaves))
        while len(handles) > 1:
            pairs = zip(handles[::2], handles[1::2], strict=True)
            handles = [self.submit(self.functions.add, *pair) for pair in pairs]
        return int(self.value(handles[0]))
