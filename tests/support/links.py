"""Two real links with a fake wire between them, on virtual time."""

from collections import deque
from collections.abc import Callable
from typing import Any

from picloud.protocol.client_messages import KillAllJobs
from picloud.protocol.link import Link, LinkClosed, LinkEvent, LinkState, MessagesReceived
from picloud.protocol.link_messages import PeerRole
from picloud.protocol.version import OLDEST_VERSION, VERSION
from tests.support.clock import Clock

Versions = tuple[int, int]
OURS = (OLDEST_VERSION, VERSION)

Fate = Callable[[], float | None]
"""Seconds that the next frame takes, or None: it is lost, and so is all that follows."""


class End:
    """One link, what it has reported, and what is on its way to it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.events: list[LinkEvent] = []
        self.inbox: deque[tuple[float, bytes | None]] = deque()  # None: the channel is gone
        self.latest = 0.0
        self.is_cut = False
        self.is_hung_up = False

    def heard(self) -> list[Any]:
        """All messages that were received, in order."""
        received = [each for each in self.events if isinstance(each, MessagesReceived)]
        return [message for event in received for message in event.messages]

    def closings(self) -> list[LinkClosed]:
        """How often, and why, the link has ended."""
        return [each for each in self.events if isinstance(each, LinkClosed)]

    @property
    def is_closed(self) -> bool:
        return self.link.state is LinkState.CLOSED


class LinkPair:
    """A client's and a master's link. A wire keeps the order, and a lost frame cuts it for good.

    Args:
        fate: decides about each frame, in both directions; by default it arrives at once.
    """

    def __init__(
        self,
        *,
        fate: Fate = lambda: 0.0,
        role: PeerRole = PeerRole.CLIENT,
        expected: frozenset[PeerRole] | None = None,
        client_versions: Versions = OURS,
        master_versions: Versions = OURS,
    ) -> None:
        self.clock = Clock()
        self._fate = fate
        now = self.clock.now
        self.client = End(Link(role, "client", now, versions=client_versions))
        master = Link(PeerRole.MASTER, "master", now, expected=expected, versions=master_versions)
        self.master = End(master)

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def ends(self) -> tuple[End, End]:
        return self.client, self.master

    def other(self, end: End) -> End:
        """The peer of an end."""
        return self.master if end is self.client else self.client

    def opened(self) -> "LinkPair":
        """Let both ends greet, and forget the events of it."""
        return self.opened_after(0.0)

    def opened_after(self, seconds: float) -> "LinkPair":
        """The same over a wire that takes its time."""
        self.pass_time(seconds)
        for end in self.ends:
            assert end.link.state is LinkState.OPEN
            end.events.clear()
        return self

    def cut(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        for end in self.ends:
            end.is_cut = True
            end.inbox.clear()

    def settle(self) -> None:
        """Deliver everything that is due."""
        while self._send() or self._deliver():
            pass

    def pass_time(self, seconds: float) -> None:
        """Go from deadline to deadline, and from arrival to arrival."""
        target = self.now + seconds
        self.settle()
        while (due := min(self._due(), default=target)) < target:
            self.clock.now = max(self.now, due)
            for end in self.ends:
                end.events += end.link.on_deadline(self.now)
            self.settle()
        self.clock.now = target

    # ------------------------------------------------------------------ the wire

    def _send(self) -> bool:
        sent = False
        for end in self.ends:
            frames: list[bytes | None] = list(end.link.frames_to_send())
            if end.is_closed and not end.is_hung_up:
                end.is_hung_up = True
                frames.append(None)
            for frame in frames:
                sent = True
                self._put(self.other(end), frame)
        return sent

    def _put(self, receiver: End, frame: bytes | None) -> None:
        delay = self._fate()
        if delay is None:
            receiver.is_cut = True
        if not receiver.is_cut and delay is not None:
            receiver.latest = max(receiver.latest, self.now + delay)
            receiver.inbox.append((receiver.latest, frame))

    def _deliver(self) -> bool:
        delivered = False
        for end in self.ends:
            while end.inbox and end.inbox[0][0] <= self.now:
                _, frame = end.inbox.popleft()
                delivered = True
                if frame is None:
                    end.events += end.link.receive_lost("the wire is gone")
                else:
                    end.events += end.link.receive(frame, self.now)
        return delivered

    def _due(self) -> list[float]:
        deadlines = [end.link.next_deadline() for end in self.ends]
        arrivals = [end.inbox[0][0] for end in self.ends if end.inbox]
        return [due for due in deadlines if due is not None] + arrivals


def perform(link: Link, act: str, now: float) -> None:
    """What a user of a link may do at any time."""
    match act:
        case "send" if link.state is LinkState.OPEN:
            link.send([KillAllJobs(1)], now)
        case "drain":
            link.drain(now)
        case "close":
            link.close(now)
