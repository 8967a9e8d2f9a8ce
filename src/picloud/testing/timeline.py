"""Virtual time: what is to happen, in order; nothing waits and nothing sleeps."""

import heapq
from collections.abc import Callable
from math import inf

from picloud.protocol.codec import Codec

TOO_MANY_STEPS = 1_000_000
"""What happens more often than this in one wait happens without end."""


class Timeline:
    """Actions by the instant at which they are due; those of one instant in the order of asking."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._asked = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let this happen at an instant."""
        self._asked += 1
        heapq.heappush(self._due, (when, self._asked, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let this happen after a while."""
        self.at(self.now + seconds, action)

    def run_until(self, when: float) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] <= when:
            self._step()
        self.now = max(self.now, when)

    def run_while(self, condition: Callable[[], bool], limit: float) -> bool:
        """Let time pass while something holds; False if it still does after `limit` seconds."""
        end = self.now + limit
        steps = 0
        while condition():
            steps += 1
            assert steps < TOO_MANY_STEPS, f"endless chatter: {steps} steps until {self.now}"
            if not self._due or self._due[0][0] > end:
                return False
            self._step()
        return True

    def step(self, limit: float = inf) -> bool:
        """Let the next thing happen; False if nothing is due until `limit`."""
        if not self._due or self._due[0][0] > limit:
            return False
        self._step()
        return True

    def _step(self) -> None:
        self.now, _, action = heapq.heappop(self._due)
        action()


class SimulatedLink:
    """One direction of a link: ordered and reliable until it dies, and then silent for ever."""

    def __init__(
        self,
        timeline: Timeline,
        codec: Codec,
        delay: float,
        deliver: Callable[[list[object]], None],
    ) -> None:
        self._timeline = timeline
        self._codec = codec
        self._delay = delay
        self._deliver = deliver
        self.is_dead = False

    def send(self, messages: list[object]) -> None:
        """Send one frame; what is on the way when the link dies is lost."""
        frame = self._codec.encode(messages)
        self._timeline.after(self._delay, lambda: self._arrive(frame))

    def _arrive(self, frame: bytes) -> None:
        if not self.is_dead:
            self._deliver(self._codec.decode(frame))
