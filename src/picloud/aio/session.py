"""Drives a `Link` over a `Channel`: writes once per loop turn, and keeps the link's deadlines."""

import asyncio
from collections.abc import Callable

from picloud.aio.channel import Channel
from picloud.protocol.frames import Frame
from picloud.protocol.link import Link, LinkClosed, LinkEvent, LinkState
from picloud.protocol.link_messages import CloseReason

ROOM_LIMIT = 8 << 20
"""A session with more buffered bytes than this has no room: its user should wait."""


class LinkSession:
    """One connection of this process.

    Messages leave together, as one frame unless they are large: those of one `flush`, or of one
    turn of the loop. All events of the link, the closing one included, arrive at `on_event` on the
    loop.
    """

    def __init__(self, link: Link, channel: Channel, on_event: Callable[[LinkEvent], None]) -> None:
        self._link = link
        self._channel = channel
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[object] = []
        self._timer: asyncio.TimerHandle | None = None
        self._finished: asyncio.Future[None] = self._loop.create_future()
        channel.start(self._frame_received, self._channel_lost)
        self._write()
        self._set_timer()

    def send(self, message: object) -> None:
        """Send a message with this loop turn's frame; one that is not open by then drops it."""
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(message)

    def enqueue(self, message: object) -> None:
        """Add a message to the frame that the caller's next `flush` writes."""
        self._outgoing.append(message)

    def flush(self) -> None:
        """Write at once what was sent and enqueued so far."""
        messages, self._outgoing = self._outgoing, []
        if messages and self._link.state is LinkState.OPEN:
            self._link.send(messages, self._loop.time())
            self._write()

    def has_room(self) -> bool:
        """False while the peer is so far behind that more should not be sent."""
        return self._channel.buffered() < ROOM_LIMIT

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back, once, when there is room again."""
        self._channel.on_room(callback)

    def drain(self) -> None:
        """Say that nothing more will be sent; the link ends once the peer has said so too."""
        self.flush()
        self._link.drain(self._loop.time())
        self._write()

    def close(self, reason: CloseReason = CloseReason.FINISHED, text: str = "") -> None:
        """Say goodbye; `wait_closed` returns when the peer has answered, or was too slow."""
        self.flush()
        self._link.close(self._loop.time(), reason, text)
        self._write()
        self._set_timer()

    async def wait_closed(self) -> None:
        """Return once the link is closed."""
        await asyncio.shield(self._finished)

    # ------------------------------------------------------------------ from the channel

    def _frame_received(self, frame: Frame) -> None:
        self._handle(self._link.receive(frame, self._loop.time()))

    def _channel_lost(self, text: str) -> None:
        self._handle(self._link.receive_lost(text))

    def _deadline_reached(self) -> None:
        self._timer = None
        self._handle(self._link.on_deadline(self._loop.time()))

    def _handle(self, events: list[LinkEvent]) -> None:
        self._write()
        for event in events:
            if type(event) is LinkClosed:
                self._finish()
            self._on_event(event)
        self._set_timer()  # a greeting or a goodbye has begun a shorter watch

    def _write(self) -> None:
        for frame in self._link.frames_to_send():
            self._channel.send(frame)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._channel.close()
        if not self._finished.done():
            self._finished.set_result(None)

    def _set_timer(self) -> None:
        """Sleep until the deadline known now; traffic only moves it later: one timer is enough."""
        deadline = self._link.next_deadline()
        if self._timer is not None:
            if deadline is not None and self._timer.when() <= deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._deadline_reached)
