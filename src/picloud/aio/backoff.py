"""How long to wait before the next try: longer each time, and not all at the same moment."""

from collections.abc import Callable


class Backoff:
    """Delays that double, with full jitter.

    Args:
        first: upper bound of the first delay, in seconds.
        longest: upper bound of any delay, in seconds.
        random: draws a number from 0 to 1; injected, so that tests know what comes.
    """

    def __init__(self, *, first: float, longest: float, random: Callable[[], float]) -> None:
        self._first = first
        self._longest = longest
        self._random = random
        self._bound = first

    def next(self) -> float:
        """Seconds to wait now."""
        delay = self._bound * self._random()
        self._bound = min(self._longest, self._bound * 2)
        return delay

    def reset(self) -> None:
        """The last try succeeded."""
        self._bound = self._first
