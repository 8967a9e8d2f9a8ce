"""Channels between two ends in one process: for the embedded cloud, and for tests of bad wires."""

import asyncio
import math
from collections import deque
from collections.abc import Callable

from picloud.aio.channel import FrameCallback, LostCallback
from picloud.protocol import limits
from picloud.protocol.frames import Frame, FrameCodec
from picloud.protocol.wire import WIRE


class MemoryChannel:
    """One end of a pair; frames arrive at the other end in the loop's next turn."""

    silence_limit = math.inf
    """Both ends live in one process: when it pauses, silence proves nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, codec: FrameCodec = WIRE) -> None:
        self.codec = codec
        self._loop = loop
        self._peer: MemoryChannel | None = None
        self._inbox: deque[Frame] = deque()
        self._scheduled = False
        self._on_frame: FrameCallback | None = None
        self._on_lost: LostCallback | None = None
        self._loss: str | None = None

    @classmethod
    def pair(
        cls, loop: asyncio.AbstractEventLoop, codec: FrameCodec = WIRE
    ) -> tuple["MemoryChannel", "MemoryChannel"]:
        """Make two connected ends."""
        one, other = cls(loop, codec), cls(loop, codec)
        one._peer, other._peer = other, one
        return one, other

    def start(self, on_frame: FrameCallback, on_lost: LostCallback) -> None:
        """See `Channel`."""
        self._on_frame, self._on_lost = on_frame, on_lost
        if self._inbox or self._loss is not None:
            self._schedule()

    def send(self, frame: Frame) -> None:
        """See `Channel`."""
        if self._peer is not None:
            self._peer.put(frame)

    def put(self, frame: Frame) -> None:
        """Queue a frame for this end."""
        self._inbox.append(frame)
        self._schedule()

    def buffered(self) -> int:
        """See `Channel`: the peer's loop is ours, so it takes frames as fast as we make them."""
        return 0

    def on_room(self, callback: Callable[[], None]) -> None:
        """See `Channel`."""
        self._loop.call_soon(callback)

    def close(self) -> None:
        """See `Channel`."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.lose("the other end closed the channel")
            self.lose("the channel was closed")

    def lose(self, text: str) -> None:
        """End this end, after the frames that are on their way, as a socket would."""
        self._peer = None
        if self._loss is None:
            self._loss = text
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._on_frame is not None:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        inbox, on_frame = self._inbox, self._on_frame
        assert on_frame is not None  # delivery is scheduled only after start
        try:
            while inbox:
                on_frame(inbox.popleft())
        finally:
            if inbox:  # one has raised, which the loop reports; the others arrive all the same
                self._schedule()
        if self._loss is not None and self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(self._loss)


class LossyChannel(MemoryChannel):
    """A `MemoryChannel` for tests whose outgoing frames are dropped or delayed by a rule.

    `fate(frame)` gives the seconds that a frame takes, or None to lose it. A frame never overtakes
    an earlier one, and the loss of this end is seen after all of them.
    """

    fate: Callable[[Frame], float | None] = staticmethod(lambda _frame: 0.0)

    silence_limit = limits.SILENCE_LIMIT

    def __init__(self, loop: asyncio.AbstractEventLoop, codec: FrameCodec = WIRE) -> None:
        super().__init__(loop, codec)
        self._way: deque[tuple[float, Callable[[], None]]] = deque()
        self._latest = 0.0

    def send(self, frame: Frame) -> None:
        """See `Channel`."""
        delay = self.fate(frame)
        peer = self._peer
        if delay is not None and peer is not None:
            self._latest = max(self._latest, self._loop.time() + delay)
            self._put_on_way(lambda: peer.put(frame))

    def close(self) -> None:
        """See `Channel`."""
        peer, self._peer = self._peer, None
        if peer is not None:
            self._put_on_way(lambda: peer.lose("the other end closed the channel"))
            self.lose("the channel was closed")

    def _put_on_way(self, arrive: Callable[[], None]) -> None:
        self._way.append((self._latest, arrive))
        if len(self._way) == 1:
            self._go_on()

    def _go_on(self) -> None:
        while self._way:
            arrival, arrive = self._way[0]
            if arrival > self._loop.time():
                self._loop.call_at(arrival, self._go_on)
                return
            arrive()
            self._way.popleft()
