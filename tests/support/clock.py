"""Time in the test's hand: a clock, and an event loop that never waits."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class _Selector(selectors.SelectSelector):
    """Where a loop would wait for a timer, the clock is advanced instead."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:  # Any: as the base class has it
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and no timer is set"
            self._clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on virtual time. Nothing outside of it may be waited for: no threads."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(_Selector(self.clock))

    def time(self) -> float:
        """Seconds on the virtual clock."""
        return self.clock()


def on_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a `VirtualLoop`: it may sleep for minutes, and takes no time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
