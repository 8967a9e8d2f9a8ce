"""A connection between two PiCloud processes, without any I/O.

The same `Link` serves every end: client, worker and master. Its life:

    Greeting   we have said hello and wait for the peer's
    Open       messages flow both ways
    Draining   we have said that we will send no more; the peer may still speak
    Closing    we have said goodbye and wait for the peer's
    Closed     over

Frames and `now` go in; events come out. What must be written is collected by `frames_to_send`.
The owner calls `on_deadline` when `next_deadline` has come: a link that hears nothing for
`SILENCE_LIMIT` ends, so a lost peer, or one that never greets, cannot hold it open.
"""

import enum
from collections.abc import Sequence
from typing import Any

from picloud.protocol import limits
from picloud.protocol.errors import (
    LocalProtocolError,
    NoCommonVersionError,
    ProtocolError,
    RemoteProtocolError,
)
from picloud.protocol.frames import Frame, FrameCodec
from picloud.protocol.link_messages import (
    Close,
    CloseReason,
    Drain,
    Heartbeat,
    Hello,
    PeerRole,
)
from picloud.protocol.version import OLDEST_VERSION, VERSION
from picloud.protocol.wire import WIRE
from picloud.statemachine import value


class LinkState(enum.Enum):
    """Where a link is in its life."""

    GREETING = "greeting"
    OPEN = "open"
    DRAINING = "draining"
    CLOSING = "closing"
    CLOSED = "closed"


@value
class LinkOpened:
    """The peer has greeted and speaks a version that we speak."""

    peer: Hello


@value
class MessagesReceived:
    """The peer said something, in this order."""

    messages: list[Any]


@value
class PeerDrained:
    """The peer will send nothing more."""


@value
class LinkClosed:
    """The link is over; the last event of every link, exactly once."""

    reason: CloseReason
    text: str
    error: ProtocolError | None = None


LinkEvent = LinkOpened | MessagesReceived | PeerDrained | LinkClosed

_EXPECTED_PEERS: dict[PeerRole, frozenset[PeerRole]] = {
    PeerRole.CLIENT: frozenset({PeerRole.MASTER}),
    PeerRole.WORKER: frozenset({PeerRole.MASTER}),
    PeerRole.MASTER: frozenset({PeerRole.CLIENT, PeerRole.WORKER}),
}


class Link:
    """One end of a connection.

    Args:
        role: who we are.
        name: our name for the peer's messages to people.
        now: seconds on any monotonic clock; every later `now` is on the same clock.
        expected: roles that the peer may have, when fewer than our role allows.
        versions: the oldest and the newest protocol version that we speak.
        silence_limit: seconds of silence that end the link; infinite where both ends live in one
            process, whose pauses prove nothing.
        codec: what makes frames of messages; the same at both ends.
    """

    def __init__(
        self,
        role: PeerRole,
        name: str,
        now: float,
        *,
        expected: frozenset[PeerRole] | None = None,
        versions: tuple[int, int] = (OLDEST_VERSION, VERSION),
        silence_limit: float = limits.SILENCE_LIMIT,
        codec: FrameCodec = WIRE,
    ) -> None:
        self.state = LinkState.GREETING
        self._expected = expected or _EXPECTED_PEERS[role]
        self._versions = versions
        self._silence_limit = silence_limit
        self._codec = codec
        self._peer_drained = False
        self._drain_asked = False
        self._heard = now
        self._spoke = now
        self._closing_since = now
        self._goodbye: tuple[CloseReason, str, ProtocolError | None] | None = None
        self._frames: list[Frame] = []
        self._write(now, Hello(versions[0], versions[1], role, name))

    # ------------------------------------------------------------------ out

    def send(self, messages: Sequence[object], now: float) -> None:
        """Queue messages for the peer, in one frame unless they are many or large.

        Raises:
            LocalProtocolError: the link is not open.
        """
        if self.state is not LinkState.OPEN:
            raise LocalProtocolError(f"cannot send on a link that is {self.state.value}")
        if messages:
            self._write(now, *messages)

    def drain(self, now: float) -> None:
        """Say that nothing more will be sent; the link ends when both sides have said so."""
        if self.state is LinkState.GREETING:
            self._drain_asked = True
        elif self.state is LinkState.OPEN:
            self.state = LinkState.DRAINING
            self._write(now, Drain())

    def close(self, now: float, reason: CloseReason = CloseReason.FINISHED, text: str = "") -> None:
        """Say goodbye and wait, for a limited time, for the peer's."""
        self._start_closing(now, reason, text, None)

    def frames_to_send(self) -> list[Frame]:
        """Take what must be written to the peer, in order."""
        frames, self._frames = self._frames, []
        return frames

    # ------------------------------------------------------------------ in

    def receive(self, frame: Frame, now: float) -> list[LinkEvent]:
        """Take one frame of the peer. Never raises: a broken frame closes the link."""
        if self.state is LinkState.CLOSED:
            return []
        self._heard = now
        try:
            messages = self._decoded(frame)
            if self.state is LinkState.OPEN and not _LINK_TYPES.intersection(map(type, messages)):
                self._check_peer_may_speak()
                return [MessagesReceived(messages)]
            return self._receive_each(messages, now)
        except RemoteProtocolError as error:
            return self._fail(error, now)

    def receive_lost(self, text: str) -> list[LinkEvent]:
        """The channel under the link is gone."""
        if self.state is LinkState.CLOSED:
            return []
        if self._goodbye is not None:
            return self._end(*self._goodbye)
        return self._end(CloseReason.LOST, text, None)

    def _receive_each(self, messages: list[Any], now: float) -> list[LinkEvent]:
        events: list[LinkEvent] = []
        for message in messages:
            if self.state is LinkState.CLOSED:
                break
            match message:
                case Close():
                    events += self._on_close(message, now)
                case _ if self.state is LinkState.CLOSING:
                    continue  # it was sent before our goodbye arrived
                case Hello():
                    events += self._on_hello(message, now)
                case Heartbeat():
                    self._check_greeted("a heartbeat")
                case Drain():
                    events += self._on_drain(now)
                case _:
                    self._check_greeted(type(message).__name__)
                    self._check_peer_may_speak()
                    events.append(MessagesReceived([message]))
        return events

    def _on_hello(self, hello: Hello, now: float) -> list[LinkEvent]:
        if self.state is not LinkState.GREETING:
            raise RemoteProtocolError("a second greeting")
        oldest, newest = self._versions
        if hello.oldest_version > newest or hello.version < oldest:
            raise NoCommonVersionError(
                f"the {hello.role.value} speaks protocol versions {hello.oldest_version} to "
                f"{hello.version}, this side {oldest} to {newest}: update the older one"
            )
        if hello.role not in self._expected:
            raise RemoteProtocolError(f"a {hello.role.value} has no business here")
        self.state = LinkState.OPEN
        if self._drain_asked:
            self.drain(now)
        return [LinkOpened(hello)]

    def _on_drain(self, now: float) -> list[LinkEvent]:
        self._check_greeted("a drain")
        if self._peer_drained:
            raise RemoteProtocolError("a second drain")
        self._peer_drained = True
        if self.state is LinkState.DRAINING:
            self._start_closing(now, CloseReason.FINISHED, "", None)
        return [PeerDrained()]

    def _on_close(self, close: Close, now: float) -> list[LinkEvent]:
        if self.state is not LinkState.CLOSING:
            self._write(now, Close(close.reason, ""))
            return self._end(close.reason, close.text, _error_of(close))
        assert self._goodbye is not None  # set on entering this state
        return self._end(*self._goodbye)

    def _check_greeted(self, what: str) -> None:
        if self.state is LinkState.GREETING:
            raise RemoteProtocolError(f"{what} before the greeting")

    def _check_peer_may_speak(self) -> None:
        if self._peer_drained:
            raise RemoteProtocolError("a message after the drain")

    # ------------------------------------------------------------------ time

    def next_deadline(self) -> float | None:
        """When `on_deadline` wants to be called; None once closed."""
        if self.state is LinkState.CLOSED:
            return None
        if self.state is LinkState.CLOSING:
            return self._closing_since + limits.CLOSE_LIMIT
        silence = self._heard + self._silence_limit
        if self.state is LinkState.GREETING:
            return silence
        return min(silence, self._spoke + limits.HEARTBEAT_INTERVAL)

    def on_deadline(self, now: float) -> list[LinkEvent]:
        """Do what is due: a heartbeat, or the end of a silent or unanswered link."""
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            return []
        if self.state is LinkState.CLOSING:
            assert self._goodbye is not None  # set on entering this state
            return self._end(*self._goodbye)
        if now >= self._heard + self._silence_limit:
            text = f"nothing heard for {self._silence_limit:.0f} s"
            self._write(now, Close(CloseReason.SILENCE, text))
            return self._end(CloseReason.SILENCE, text, None)
        self._write(now, Heartbeat())
        return []

    # ------------------------------------------------------------------ ends

    def _fail(self, error: RemoteProtocolError, now: float) -> list[LinkEvent]:
        """The peer broke the protocol: tell it, and do not wait for an answer."""
        version = isinstance(error, NoCommonVersionError)
        reason = CloseReason.VERSION if version else CloseReason.PROTOCOL
        self._write(now, Close(reason, str(error)))
        return self._end(reason, str(error), error)

    def _start_closing(
        self, now: float, reason: CloseReason, text: str, error: ProtocolError | None
    ) -> None:
        if self.state in (LinkState.CLOSING, LinkState.CLOSED):
            return
        self.state = LinkState.CLOSING
        self._closing_since = now
        self._goodbye = (reason, text, error)
        self._write(now, Close(reason, text))

    def _end(self, reason: CloseReason, text: str, error: ProtocolError | None) -> list[LinkEvent]:
        self.state = LinkState.CLOSED
        return [LinkClosed(reason, text, error)]

    def _write(self, now: float, *messages: object) -> None:
        self._spoke = now
        self._frames += self._codec.encode_frames(messages)

    def _decoded(self, frame: Frame) -> list[Any]:
        messages = self._codec.decode(frame)
        if not messages:
            # No end of ours sends one, and it would pass for a sign of life before the greeting.
            raise RemoteProtocolError("a frame without messages")
        return messages


_LINK_TYPES = frozenset({Hello, Heartbeat, Drain, Close})


def _error_of(close: Close) -> ProtocolError | None:
    if close.reason is CloseReason.VERSION:
        return NoCommonVersionError(close.text)
    if close.reason is CloseReason.PROTOCOL:
        return LocalProtocolError(close.text)
    return None
