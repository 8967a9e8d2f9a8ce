"""How the job of an asyncio loop lends its cores: whenever the loop is going to sleep."""

from typing import Any, Protocol


class Lender(Protocol):
    """What is told of a loop's sleep."""

    def before_loop_sleeps(self) -> bool:
        """Lend what there is to lend; False if the loop should not sleep."""

    def after_loop_slept(self) -> None:
        """Have it back before anything runs."""


class LendingSelector:
    """A loop's selector: whenever the loop is going to sleep, its job lends its cores."""

    def __init__(self, selector: Any, line: Lender) -> None:
        self._selector = selector
        self._line = line

    def select(self, timeout: float | None = None) -> Any:
        """Wait for events, with the line told before and after."""
        if timeout is not None and timeout <= 0:
            return self._selector.select(timeout)
        if not self._line.before_loop_sleeps():
            timeout = 0
        try:
            return self._selector.select(timeout)
        finally:
            self._line.after_loop_slept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)
