"""Whatever is said, whenever, over whatever wire: a link ends once, and both ends do."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.client_messages import KillAllJobs, ReserveJids
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
from tests.support.links import LinkPair, perform

HELLO = Hello(1, 1, PeerRole.CLIENT, "c")
FOREVER = 10 * limits.SILENCE_LIMIT

LINK_MESSAGES = [
    HELLO,
    Heartbeat(),
    Drain(),
    Close(CloseReason.FINISHED, ""),
    Close(CloseReason.VERSION, "v"),
    ReserveJids(),
    KillAllJobs(1),
]
FRAMES = st.lists(st.lists(st.sampled_from(LINK_MESSAGES), max_size=4), max_size=6)
ACTS = st.sampled_from(["send", "drain", "close", "nothing"])


@given(FRAMES, st.lists(ACTS, min_size=6, max_size=6))
def test_valid_messages_in_any_state_end_a_link_once_at_most(
    frames: list[list[Any]], acts: list[str]
) -> None:
    link = Link(PeerRole.MASTER, "m", 0.0)
    events: list[Any] = []
    for frame, act in zip(frames, acts, strict=False):
        events += link.receive(WIRE.encode(frame), 0.0)
        perform(link, act, 0.0)
    closings = [event for event in events if isinstance(event, LinkClosed)]
    assert len(closings) == (link.state is LinkState.CLOSED)
    if closings:
        assert isinstance(events[-1], LinkClosed)
    if any(isinstance(event, MessagesReceived | PeerDrained) for event in events):
        assert isinstance(events[0], LinkOpened)


# ------------------------------------------------------------------ any wire, any order


STEPS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from(["send", "drain", "close", "wait", "cut"]), st.floats(0, 12)
    ),
    max_size=12,
)
DELAYS = st.lists(st.none() | st.floats(0, 40) | st.just(0.0), max_size=12)


@given(STEPS, DELAYS, st.sampled_from(["close", "drain", "cut"]))
def test_two_links_over_any_wire_end_closed_once_on_both_sides(
    steps: list[tuple[bool, str, float]], delays: list[float | None], last: str
) -> None:
    fates = iter(delays)
    pair = LinkPair(fate=lambda: next(fates, 0.0))
    for is_client, act, seconds in steps:
        end = pair.client if is_client else pair.master
        if act == "cut":
            pair.cut()
        perform(end.link, act, pair.now)
        pair.pass_time(seconds)
    for end in pair.ends if last == "drain" else pair.ends[:1]:
        perform(end.link, last, pair.now)
    if last == "cut":
        pair.cut()
    pair.pass_time(FOREVER)
    for end in pair.ends:
        assert end.is_closed
        assert len(end.closings()) == 1
        assert isinstance(end.events[-1], LinkClosed)
        if len(end.events) > 1:
            assert isinstance(end.events[0], LinkOpened)


@given(STEPS)
def test_over_an_honest_wire_everything_sent_before_an_end_arrives(
    steps: list[tuple[bool, str, float]],
) -> None:
    pair = LinkPair(fate=lambda: 0.01).opened_after(1.0)
    sent = {id(end): 0 for end in pair.ends}
    for is_client, act, seconds in steps:
        end = pair.client if is_client else pair.master
        if act == "send" and end.link.state is LinkState.OPEN:
            sent[id(end)] += 1
        if act in ("send", "drain", "wait"):
            perform(end.link, act, pair.now)
            pair.pass_time(seconds)
    pair.pass_time(1.0)
    for end in pair.ends:
        assert len(pair.other(end).heard()) == sent[id(end)]
