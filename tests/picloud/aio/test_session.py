"""A link session over channels in memory, on virtual time."""

import asyncio
from typing import Any

from picloud.aio.memory import LossyChannel, MemoryChannel
from picloud.aio.session import ROOM_LIMIT, LinkSession
from picloud.protocol import limits
from picloud.protocol.client_messages import KillAllJobs, SubmitJobs
from picloud.protocol.link import (
    Link,
    LinkClosed,
    LinkEvent,
    LinkOpened,
    LinkState,
    MessagesReceived,
    PeerDrained,
)
from picloud.protocol.link_messages import CloseReason, PeerRole
from picloud.protocol.wire import WIRE
from tests.support.clock import on_virtual_time
from tests.support.matching import like


class Side:
    """One session, what it reported, and when."""

    def __init__(self, role: PeerRole, channel: LossyChannel) -> None:
        self.loop = asyncio.get_running_loop()
        self.channel = channel
        self.frames: list[bytes] = []
        self.is_cut = False
        self.latency = 0.0
        channel.fate = self._fate  # type: ignore[method-assign]  # it is made to be set
        self.events: list[LinkEvent] = []
        self.ended_at = 0.0
        link = Link(role, role.value, self.loop.time())
        self.session = LinkSession(link, channel, self._on_event)

    def heard(self) -> list[Any]:
        received = [each for each in self.events if isinstance(each, MessagesReceived)]
        return [message for event in received for message in event.messages]

    def _on_event(self, event: LinkEvent) -> None:
        self.events.append(event)
        if isinstance(event, LinkClosed):
            self.ended_at = self.loop.time()

    def _fate(self, frame: bytes) -> float | None:
        self.frames.append(frame)
        return None if self.is_cut else self.latency


class Pair:
    """A client's and a master's session."""

    def __init__(self) -> None:
        one, other = LossyChannel.pair(asyncio.get_running_loop())
        assert isinstance(one, LossyChannel)
        assert isinstance(other, LossyChannel)
        self.client = Side(PeerRole.CLIENT, one)
        self.master = Side(PeerRole.MASTER, other)

    async def opened(self) -> "Pair":
        """Let both greet, and forget it."""
        await settle()
        for side in (self.client, self.master):
            assert [type(event) for event in side.events] == [LinkOpened]
            side.events.clear()
            side.frames.clear()
        return self

    def cut(self) -> None:
        self.client.is_cut = self.master.is_cut = True


async def settle() -> None:
    """Let everything happen that is due."""
    await asyncio.sleep(0.001)


@on_virtual_time
async def test_both_sides_hear_that_the_link_is_open() -> None:
    pair = Pair()
    await settle()
    assert pair.client.events == [like(LinkOpened)]
    assert pair.master.events == [like(LinkOpened)]


@on_virtual_time
async def test_messages_of_one_loop_turn_leave_as_one_frame() -> None:
    pair = await Pair().opened()
    for number in (1, 2, 3):
        pair.client.session.send(KillAllJobs(number))
    assert pair.client.frames == []
    await settle()
    pair.client.session.send(KillAllJobs(4))
    await settle()
    assert [WIRE.decode(frame) for frame in pair.client.frames] == [
        [KillAllJobs(1), KillAllJobs(2), KillAllJobs(3)],
        [KillAllJobs(4)],
    ]
    assert pair.master.heard() == [KillAllJobs(number) for number in (1, 2, 3, 4)]


@on_virtual_time
async def test_flush_does_not_wait_for_the_end_of_the_turn() -> None:
    pair = await Pair().opened()
    pair.client.session.send(KillAllJobs(1))
    pair.client.session.flush()
    assert [WIRE.decode(frame) for frame in pair.client.frames] == [[KillAllJobs(1)]]
    await settle()
    assert len(pair.client.frames) == 1


@on_virtual_time
async def test_what_is_enqueued_leaves_with_the_next_flush() -> None:
    pair = await Pair().opened()
    pair.client.session.enqueue(KillAllJobs(1))
    await settle()
    assert pair.client.frames == []
    pair.client.session.enqueue(KillAllJobs(2))
    pair.client.session.flush()
    assert [WIRE.decode(frame) for frame in pair.client.frames] == [
        [KillAllJobs(1), KillAllJobs(2)]
    ]


@on_virtual_time
async def test_what_was_sent_before_a_close_arrives() -> None:
    pair = await Pair().opened()
    pair.client.session.send(KillAllJobs(1))
    pair.client.session.close()
    await settle()
    assert pair.master.heard() == [KillAllJobs(1)]
    assert pair.master.events[-1] == like(LinkClosed, reason=CloseReason.FINISHED)


@on_virtual_time
async def test_a_closed_session_drops_what_is_sent() -> None:
    pair = await Pair().opened()
    pair.client.session.close()
    pair.client.session.send(KillAllJobs(1))
    await pair.client.session.wait_closed()
    pair.client.session.send(KillAllJobs(2))
    await settle()
    assert pair.master.heard() == []


@on_virtual_time
async def test_both_sides_end_with_the_reason_that_was_given() -> None:
    pair = await Pair().opened()
    pair.master.session.close(CloseReason.REFUSED, "go away")
    await asyncio.gather(pair.master.session.wait_closed(), pair.client.session.wait_closed())
    for side in (pair.client, pair.master):
        assert side.events == [LinkClosed(CloseReason.REFUSED, "go away")]


@on_virtual_time
async def test_wait_closed_may_be_cancelled_and_asked_again() -> None:
    pair = await Pair().opened()
    waiting = asyncio.ensure_future(pair.client.session.wait_closed())
    await settle()
    waiting.cancel()
    pair.client.session.close()
    await pair.client.session.wait_closed()
    await pair.client.session.wait_closed()
    assert waiting.cancelled()


@on_virtual_time
async def test_a_peer_that_does_not_answer_a_goodbye_is_left_after_a_while() -> None:
    pair = await Pair().opened()
    began = pair.client.loop.time()
    pair.cut()
    pair.client.session.close()
    await pair.client.session.wait_closed()
    assert pair.client.loop.time() - began == limits.CLOSE_LIMIT


@on_virtual_time
async def test_a_close_before_the_greeting_does_not_wait_for_one() -> None:
    pair = Pair()
    pair.cut()
    began = pair.client.loop.time()
    pair.client.session.close()
    await pair.client.session.wait_closed()
    assert pair.client.loop.time() - began <= limits.CLOSE_LIMIT


@on_virtual_time
async def test_an_idle_session_says_something_at_every_interval() -> None:
    pair = await Pair().opened()
    await asyncio.sleep(10 * limits.HEARTBEAT_INTERVAL + 1)
    for side in (pair.client, pair.master):
        assert len(side.frames) == 10
        assert side.events == []


@on_virtual_time
async def test_a_peer_that_falls_silent_is_noticed_in_time() -> None:
    pair = await Pair().opened()
    began = pair.client.loop.time()
    pair.cut()
    await pair.client.session.wait_closed()
    assert pair.client.events == [like(LinkClosed, reason=CloseReason.SILENCE)]
    assert limits.SILENCE_LIMIT - 1 <= pair.client.ended_at - began <= limits.SILENCE_LIMIT


@on_virtual_time
async def test_a_slow_wire_does_not_cut_an_idle_link() -> None:
    pair = Pair()
    pair.client.latency = pair.master.latency = 2.0
    await asyncio.sleep(20 * limits.SILENCE_LIMIT)
    for side in (pair.client, pair.master):
        assert side.events == [like(LinkOpened)]


@on_virtual_time
async def test_the_loss_of_the_channel_ends_the_session_once() -> None:
    pair = await Pair().opened()
    pair.master.channel.close()
    await pair.client.session.wait_closed()
    await asyncio.sleep(10 * limits.SILENCE_LIMIT)
    assert pair.client.events == [like(LinkClosed, reason=CloseReason.LOST)]
    assert pair.master.events == [like(LinkClosed, reason=CloseReason.LOST)]


@on_virtual_time
async def test_a_session_ends_when_both_have_drained() -> None:
    pair = await Pair().opened()
    pair.client.session.send(KillAllJobs(1))
    pair.client.session.drain()
    await settle()
    assert pair.master.events == [MessagesReceived([KillAllJobs(1)]), PeerDrained()]
    pair.master.session.drain()
    await pair.client.session.wait_closed()
    assert pair.client.events == [
        PeerDrained(),
        like(LinkClosed, reason=CloseReason.FINISHED),
    ]


@on_virtual_time
async def test_a_closed_session_leaves_no_timer_behind() -> None:
    pair = await Pair().opened()
    pair.client.session.close()
    await pair.master.session.wait_closed()
    assert pair.client.session._timer is None
    assert pair.master.session._timer is None


@on_virtual_time
async def test_nonsense_ends_the_session_with_its_reason_told_to_both() -> None:
    pair = await Pair().opened()
    pair.client.channel.send(b"nonsense")
    await settle()
    for side in (pair.client, pair.master):
        (closed,) = side.events
        assert closed == like(LinkClosed, reason=CloseReason.PROTOCOL)


@on_virtual_time
async def test_messages_of_one_turn_that_are_too_large_together_travel_apart() -> None:
    pair = await Pair().opened()
    for number in (1, 2):
        pair.client.session.send(SubmitJobs(1, number, [bytes(40 << 20)]))
    await settle()
    assert [message.first for message in pair.master.heard()] == [1, 2]


class FullChannel(LossyChannel):
    """A channel whose peer has not taken some bytes."""

    kept = 0

    def buffered(self) -> int:
        return self.kept


@on_virtual_time
async def test_there_is_room_until_the_peer_is_far_behind() -> None:
    one, _ = FullChannel.pair(asyncio.get_running_loop())
    assert isinstance(one, FullChannel)
    side = Side(PeerRole.CLIENT, one)
    assert side.session.has_room()
    one.kept = ROOM_LIMIT
    assert not side.session.has_room()


async def test_a_pause_of_the_whole_process_ends_no_link_within_it() -> None:
    here, there = MemoryChannel.pair(asyncio.get_running_loop())
    link = Link(PeerRole.CLIENT, "client", 0.0, silence_limit=here.silence_limit)
    link.receive(Link(PeerRole.MASTER, "master", 0.0).frames_to_send()[0], 0.0)
    assert link.on_deadline(1e6) == []
    assert link.state is LinkState.OPEN
    assert there.silence_limit == here.silence_limit
