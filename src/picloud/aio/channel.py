"""What carries frames: the seam between a link session and a socket, or a test's lossy wire."""

from collections.abc import Callable
from typing import Protocol

from picloud.protocol.frames import Frame, FrameCodec

FrameCallback = Callable[[Frame], None]
LostCallback = Callable[[str], None]


class Channel(Protocol):
    """An ordered, message-preserving, two-way pipe of frames on one event loop.

    Attributes:
        silence_limit: seconds without a frame after which the other end must be taken for lost;
            infinite where it cannot be lost without a word.
        codec: what makes frames that it can carry.
    """

    @property
    def silence_limit(self) -> float:
        """See above."""

    @property
    def codec(self) -> FrameCodec:
        """See above."""

    def start(self, on_frame: FrameCallback, on_lost: LostCallback) -> None:
        """Begin to deliver frames; `on_lost` is called once, with a reason, when it is over."""

    def send(self, frame: Frame) -> None:
        """Write a frame; it is kept in memory until the peer takes it. A lost channel drops it."""

    def buffered(self) -> int:
        """Bytes written that the peer has not taken yet."""

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back, once, when most of the buffered bytes are gone."""

    def close(self) -> None:
        """Deliver what is buffered, then end; the peer sees the loss."""
