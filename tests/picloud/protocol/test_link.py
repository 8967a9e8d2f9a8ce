"""One link, or two with a wire between them, on virtual time."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.client_messages import Accepted, KillAllJobs, ReserveJids
from picloud.protocol.errors import LocalProtocolError, NoCommonVersionError, RemoteProtocolError
from picloud.protocol.link import (
    Link,
    LinkClosed,
    LinkOpened,
    LinkState,
    MessagesReceived,
    PeerDrained,
)
from picloud.protocol.link_messages import Close, CloseReason, Drain, Heartbeat, Hello, PeerRole
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import AttemptsDone
from tests.support.links import LinkPair
from tests.support.matching import like

HELLO = Hello(1, 1, PeerRole.CLIENT, "c")
FOREVER = 10 * limits.SILENCE_LIMIT


def master_link() -> Link:
    return Link(PeerRole.MASTER, "m", 0.0)


def greeted() -> Link:
    """A master's link to a client that has greeted, with nothing left to write."""
    link = master_link()
    link.receive(WIRE.encode([HELLO]), 0.0)
    link.frames_to_send()
    return link


def said(link: Link) -> list[Any]:
    """What a link wants to say, read from its frames."""
    return [message for frame in link.frames_to_send() for message in WIRE.decode(frame)]


# ------------------------------------------------------------------ greeting


def test_the_first_thing_said_is_a_greeting() -> None:
    assert said(master_link()) == [Hello(1, 1, PeerRole.MASTER, "m")]


def test_both_ends_open_when_they_have_heard_each_other() -> None:
    pair = LinkPair()
    pair.settle()
    assert pair.client.events == [like(LinkOpened, peer=like(Hello, role=PeerRole.MASTER))]
    assert pair.master.events == [like(LinkOpened, peer=like(Hello, name="client"))]


def test_an_end_is_not_open_before_it_has_heard_the_other() -> None:
    with pytest.raises(LocalProtocolError, match="greeting"):
        master_link().send([Accepted(1)], 0.0)


@pytest.mark.parametrize(
    ("client", "master"), [((1, 3), (2, 5)), ((2, 5), (1, 3)), ((1, 1), (1, 9)), ((3, 4), (4, 4))]
)
def test_ends_with_a_version_in_common_open(client: Any, master: Any) -> None:
    pair = LinkPair(client_versions=client, master_versions=master)
    pair.settle()
    assert [end.link.state for end in pair.ends] == [LinkState.OPEN, LinkState.OPEN]


@pytest.mark.parametrize(("client", "master"), [((1, 1), (2, 3)), ((4, 5), (2, 3))])
def test_ends_without_a_version_in_common_say_who_speaks_what(client: Any, master: Any) -> None:
    pair = LinkPair(client_versions=client, master_versions=master)
    pair.settle()
    for end in pair.ends:
        (closed,) = end.events
        assert closed == like(LinkClosed, reason=CloseReason.VERSION)
        assert isinstance(closed.error, NoCommonVersionError)
        for low, high in (client, master):
            assert f"{low} to {high}" in closed.text


def test_a_peer_of_the_wrong_role_is_refused() -> None:
    pair = LinkPair(role=PeerRole.MASTER)
    pair.settle()
    for end in pair.ends:
        assert end.closings() == [like(LinkClosed, text="a master has no business here")]


def test_an_endpoint_may_expect_one_role_only() -> None:
    pair = LinkPair(role=PeerRole.CLIENT, expected=frozenset({PeerRole.WORKER}))
    pair.settle()
    assert pair.master.events == [like(LinkClosed, reason=CloseReason.PROTOCOL)]
    assert pair.client.closings() == [
        like(LinkClosed, reason=CloseReason.PROTOCOL, text="a client has no business here")
    ]
    assert isinstance(pair.client.closings()[0].error, LocalProtocolError)


@pytest.mark.parametrize("message", [Accepted(1), Heartbeat(), Drain()])
def test_nothing_may_be_said_before_the_greeting(message: object) -> None:
    link = master_link()
    (closed,) = link.receive(WIRE.encode([message, HELLO]), 0.0)
    assert closed == like(LinkClosed, reason=CloseReason.PROTOCOL)
    assert "before the greeting" in closed.text


def test_a_second_greeting_is_refused() -> None:
    link = greeted()
    (closed,) = link.receive(WIRE.encode([HELLO]), 0.0)
    assert closed == like(LinkClosed, text="a second greeting")


def test_a_peer_that_never_greets_is_given_up() -> None:
    link = master_link()
    assert link.next_deadline() == limits.SILENCE_LIMIT
    assert link.on_deadline(limits.SILENCE_LIMIT) == [like(LinkClosed, reason=CloseReason.SILENCE)]


def test_frames_without_messages_do_not_pass_for_signs_of_life() -> None:
    link = master_link()
    assert link.receive(WIRE.encode([]), 1.0) == [like(LinkClosed, reason=CloseReason.PROTOCOL)]


def test_what_follows_the_greeting_in_its_frame_is_heard() -> None:
    link = master_link()
    events = link.receive(WIRE.encode([HELLO, ReserveJids()]), 0.0)
    assert events == [LinkOpened(HELLO), MessagesReceived([ReserveJids()])]


# ------------------------------------------------------------------ messages


def test_messages_arrive_in_the_order_of_sending() -> None:
    pair = LinkPair().opened()
    pair.client.link.send([KillAllJobs(1), KillAllJobs(2)], pair.now)
    pair.client.link.send([KillAllJobs(3)], pair.now)
    pair.settle()
    assert pair.master.events == [
        MessagesReceived([KillAllJobs(1), KillAllJobs(2)]),
        MessagesReceived([KillAllJobs(3)]),
    ]


def test_messages_too_large_for_one_frame_travel_in_several() -> None:
    pair = LinkPair(role=PeerRole.WORKER).opened()
    done = [AttemptsDone([i], [i], [bytes(40 << 20)], [0.0]) for i in (1, 2)]
    pair.client.link.send(done, pair.now)
    pair.settle()
    assert [message.jids for message in pair.master.heard()] == [[1], [2]]


def test_to_send_nothing_writes_nothing() -> None:
    link = greeted()
    link.send([], 0.0)
    assert link.frames_to_send() == []


@pytest.mark.parametrize("frame", [b"", b"\x00", b"\x91\x91\xcd\xff\xff", b"\xff" * 100, b"\x91"])
def test_a_broken_frame_ends_the_link_and_the_peer_is_told_why(frame: bytes) -> None:
    link = greeted()
    (closed,) = link.receive(frame, 0.0)
    assert closed == like(LinkClosed, reason=CloseReason.PROTOCOL)
    assert isinstance(closed.error, RemoteProtocolError)
    assert said(link) == [Close(CloseReason.PROTOCOL, closed.text)]


def test_half_a_frame_ends_the_link() -> None:
    link = greeted()
    frame = WIRE.encode([KillAllJobs(7)])
    assert link.receive(frame[:-1], 0.0) == [like(LinkClosed, reason=CloseReason.PROTOCOL)]


def test_the_peer_that_broke_the_protocol_learns_that_it_was_its_fault() -> None:
    pair = LinkPair().opened()
    pair.client.link._frames.append(b"nonsense")
    pair.settle()
    (closed,) = pair.client.events
    assert isinstance(closed.error, LocalProtocolError)
    assert "not a frame" in closed.text


@given(st.lists(st.binary(max_size=50), max_size=4), st.booleans())
@example([b"\x90", b"\x91\x91\x02"], False)
def test_no_bytes_make_a_link_raise(frames: list[bytes], is_greeted: bool) -> None:
    link = greeted() if is_greeted else master_link()
    events = [event for frame in frames for event in link.receive(frame, 0.0)]
    assert sum(isinstance(event, LinkClosed) for event in events) <= 1


# ------------------------------------------------------------------ drain


def test_a_drained_peer_can_be_spoken_to() -> None:
    pair = LinkPair().opened()
    pair.client.link.drain(pair.now)
    pair.settle()
    pair.master.link.send([Accepted(1)], pair.now)
    pair.settle()
    assert pair.master.events == [PeerDrained()]
    assert pair.client.heard() == [Accepted(1)]


def test_whoever_has_drained_sends_no_more() -> None:
    pair = LinkPair().opened()
    pair.client.link.drain(pair.now)
    with pytest.raises(LocalProtocolError, match="draining"):
        pair.client.link.send([KillAllJobs(1)], pair.now)


@pytest.mark.parametrize("together", [True, False])
def test_a_link_ends_when_both_have_drained(together: bool) -> None:
    pair = LinkPair().opened()
    for end in pair.ends:
        end.link.drain(pair.now)
        if not together:
            pair.settle()
    pair.settle()
    for end in pair.ends:
        assert end.closings() == [LinkClosed(CloseReason.FINISHED, "")]


def test_a_drain_before_the_greeting_is_not_forgotten() -> None:
    pair = LinkPair()
    pair.client.link.drain(pair.now)
    pair.master.link.drain(pair.now)
    pair.settle()
    for end in pair.ends:
        assert end.closings() == [LinkClosed(CloseReason.FINISHED, "")]


@pytest.mark.parametrize(
    ("message", "text"), [(ReserveJids(), "after the drain"), (Drain(), "a second drain")]
)
def test_a_peer_that_has_drained_may_not_speak(message: object, text: str) -> None:
    link = greeted()
    link.receive(WIRE.encode([Drain()]), 0.0)
    (closed,) = link.receive(WIRE.encode([message]), 0.0)
    assert text in closed.text  # type: ignore[union-attr]  # it is a LinkClosed
    assert closed == like(LinkClosed, reason=CloseReason.PROTOCOL)


# ------------------------------------------------------------------ time


def test_an_idle_link_lives_on_heartbeats() -> None:
    pair = LinkPair(fate=lambda: 0.2).opened_after(1.0)
    pair.pass_time(FOREVER)
    assert [end.events for end in pair.ends] == [[], []]
    assert [end.link.state for end in pair.ends] == [LinkState.OPEN, LinkState.OPEN]


def test_heartbeats_are_sent_only_in_silence() -> None:
    link = greeted()
    link.send([Accepted(1)], 4.0)
    assert link.on_deadline(limits.HEARTBEAT_INTERVAL) == []
    assert said(link) == [Accepted(1)]
    link.on_deadline(4.0 + limits.HEARTBEAT_INTERVAL)
    assert said(link) == [Heartbeat()]


def test_a_draining_link_still_gives_signs_of_life() -> None:
    pair = LinkPair().opened()
    pair.client.link.drain(pair.now)
    pair.pass_time(FOREVER)
    assert pair.master.events == [PeerDrained()]


def test_a_lost_peer_is_noticed_by_its_silence() -> None:
    pair = LinkPair().opened()
    pair.cut()
    pair.pass_time(limits.SILENCE_LIMIT + 1)
    for end in pair.ends:
        assert end.events == [like(LinkClosed, reason=CloseReason.SILENCE)]
        assert "30 s" in end.closings()[0].text


def test_a_peer_that_is_late_for_its_deadline_is_not_given_up_early() -> None:
    link = greeted()
    assert link.on_deadline(limits.SILENCE_LIMIT - 0.1) == []
    assert link.state is LinkState.OPEN


def test_a_closed_link_has_no_deadline() -> None:
    link = greeted()
    link.receive_lost("gone")
    assert link.next_deadline() is None
    assert link.on_deadline(FOREVER) == []


# ------------------------------------------------------------------ ends


def test_both_ends_learn_why_a_link_was_closed() -> None:
    pair = LinkPair().opened()
    pair.master.link.close(pair.now, CloseReason.REFUSED, "go away")
    pair.settle()
    for end in pair.ends:
        assert end.events == [LinkClosed(CloseReason.REFUSED, "go away")]


def test_both_may_close_at_once() -> None:
    pair = LinkPair().opened()
    pair.master.link.close(pair.now, CloseReason.REFUSED, "go away")
    pair.client.link.close(pair.now, CloseReason.FINISHED, "bye")
    pair.settle()
    assert pair.master.events == [LinkClosed(CloseReason.REFUSED, "go away")]
    assert pair.client.events == [LinkClosed(CloseReason.FINISHED, "bye")]


def test_a_goodbye_without_an_answer_is_enough_after_a_while() -> None:
    pair = LinkPair().opened()
    pair.cut()
    pair.client.link.close(pair.now, CloseReason.FINISHED, "bye")
    pair.pass_time(limits.CLOSE_LIMIT + 0.1)
    assert pair.client.events == [LinkClosed(CloseReason.FINISHED, "bye")]


def test_the_loss_of_the_channel_ends_the_link() -> None:
    link = greeted()
    assert link.receive_lost("reset") == [LinkClosed(CloseReason.LOST, "reset")]


def test_after_our_goodbye_the_loss_of_the_channel_is_no_news() -> None:
    link = greeted()
    link.close(0.0, CloseReason.REFUSED, "go away")
    assert link.receive_lost("reset") == [LinkClosed(CloseReason.REFUSED, "go away")]


@pytest.mark.parametrize("messages", [[KillAllJobs(1)], [Heartbeat(), KillAllJobs(1)], [Drain()]])
def test_what_was_on_its_way_when_we_said_goodbye_is_not_heard(messages: list[object]) -> None:
    link = greeted()
    link.close(0.0)
    assert link.receive(WIRE.encode(messages), 0.0) == []
    assert link.state is LinkState.CLOSING


def test_a_link_closed_before_the_greeting_reports_nothing_but_its_end() -> None:
    link = master_link()
    link.close(0.0, CloseReason.FINISHED, "bye")
    assert link.receive(WIRE.encode([HELLO, KillAllJobs(1), Drain()]), 0.0) == []
    assert link.receive(WIRE.encode([Close(CloseReason.FINISHED, "")]), 0.0) == [
        LinkClosed(CloseReason.FINISHED, "bye")
    ]


@pytest.mark.parametrize("how", ["lost", "closed", "broken", "silent"])
def test_a_link_ends_exactly_once(how: str) -> None:
    link = greeted()
    match how:
        case "lost":
            first = link.receive_lost("gone")
        case "closed":
            first = link.receive(WIRE.encode([Close(CloseReason.FINISHED, "")]), 0.0)
        case "broken":
            first = link.receive(b"nonsense", 0.0)
        case _:
            first = link.on_deadline(FOREVER)
    assert [type(event) for event in first] == [LinkClosed]
    link.close(0.0)
    link.drain(0.0)
    assert link.receive_lost("gone") == []
    assert link.receive(WIRE.encode([HELLO]), 0.0) == []
    assert link.receive(b"nonsense", 0.0) == []
    with pytest.raises(LocalProtocolError, match="closed"):
        link.send([Accepted(1)], 0.0)
