"""The master's one clock: UTC seconds that never go back."""

from collections.abc import Callable


class SteadyClock:
    """Wall time, held still while the wall clock is set back."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._last = 0.0

    def now(self) -> float:
        """UTC seconds, not less than at the call before."""
        self._last = max(self._last, self._wall())
        return self._last
