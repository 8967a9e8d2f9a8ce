"""What every channel promises, for each pair of ends that there is."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from picloud.aio.channel import Channel
from tests.contracts.channel_pairs import DEADLINE, PAIRS, Ear


@pytest.fixture(params=PAIRS, ids=lambda pair: pair.__name__)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Channel, Channel]]:
    async with request.param() as pair:
        yield pair


Ends = tuple[Channel, Channel]


async def test_frames_arrive_in_the_order_of_sending(ends: Ends) -> None:
    one, other = ends
    heard = Ear().listen(other)
    Ear().listen(one)
    frames = [bytes([number]) * (1 + number % 7) for number in range(100)]
    for frame in frames:
        one.send(frame)
    assert await heard.until_frames(100) == frames


async def test_both_ends_can_speak_at_once(ends: Ends) -> None:
    ears = [Ear().listen(end) for end in ends]
    for end in ends:
        end.send(b"hello")
    for ear in ears:
        assert await ear.until_frames(1) == [b"hello"]


async def test_nothing_arrives_inside_of_a_call(ends: Ends) -> None:
    one, other = ends
    heard, own = Ear().listen(other), Ear().listen(one)
    one.send(b"a")
    assert heard.frames == []
    one.close()
    assert own.losses == []


async def test_frames_that_came_before_the_start_are_kept(ends: Ends) -> None:
    one, other = ends
    answers = Ear().listen(one)
    one.send(b"early")
    other.send(b"answer")
    await answers.until_frames(1)
    assert await Ear().listen(other).until_frames(1) == [b"early"]


async def test_a_closed_channel_is_lost_at_both_ends_once(ends: Ends) -> None:
    one, other = ends
    ears = [Ear().listen(end) for end in ends]
    one.close()
    for ear in ears:
        (text,) = await ear.until_lost()
        assert text
    one.close()
    other.close()
    await asyncio.gather(*(ear.until_lost() for ear in ears))
    assert [len(ear.losses) for ear in ears] == [1, 1]


async def test_what_was_sent_before_the_close_arrives_before_the_loss(ends: Ends) -> None:
    one, other = ends
    heard = Ear().listen(other)
    Ear().listen(one)
    for number in range(20):
        one.send(bytes([number]))
    one.close()
    await heard.until_lost()
    assert heard.frames == [bytes([number]) for number in range(20)]


async def test_a_loss_before_the_start_is_told_after_it(ends: Ends) -> None:
    one, other = ends
    own = Ear().listen(one)
    one.send(b"last")
    one.close()
    if type(one).__name__ != "WebSocketChannel":  # whose own end waits for the other's answer
        await own.until_lost()
    heard = Ear().listen(other)
    await heard.until_lost()
    assert heard.frames == [b"last"]


async def test_a_lost_channel_drops_what_is_sent(ends: Ends) -> None:
    one, other = ends
    heard, own = Ear().listen(other), Ear().listen(one)
    other.close()
    await own.until_lost()
    one.send(b"too late")
    await heard.until_lost()
    assert heard.frames == []


async def test_a_channel_at_rest_has_room(ends: Ends) -> None:
    one, other = ends
    heard = Ear().listen(other)
    Ear().listen(one)
    one.send(b"a")
    await heard.until_frames(1)
    called = asyncio.Event()
    one.on_room(called.set)
    assert not called.is_set()
    async with asyncio.timeout(DEADLINE):
        await called.wait()
    assert one.buffered() == 0
