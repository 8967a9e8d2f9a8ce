"""What channels in memory do beside what every channel does (tests/contracts)."""

import asyncio

from picloud.aio.memory import LossyChannel, MemoryChannel
from tests.contracts.channel_pairs import Ear
from tests.support.clock import on_virtual_time


@on_virtual_time
async def test_frames_of_one_turn_arrive_in_the_next() -> None:
    one, other = MemoryChannel.pair(asyncio.get_running_loop())
    heard = Ear().listen(other)
    one.send(b"a")
    one.send(b"b")
    await asyncio.sleep(0)
    assert heard.frames == [b"a", b"b"]


@on_virtual_time
async def test_a_frame_that_cannot_be_taken_does_not_hold_up_the_others() -> None:
    one, other = MemoryChannel.pair(asyncio.get_running_loop())
    problems: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, it: problems.append(it["message"]))
    heard: list[bytes] = []

    def take(frame: bytes) -> None:
        if frame == b"bad":
            raise ZeroDivisionError
        heard.append(frame)

    other.start(take, lambda _text: heard.append(b"lost"))
    for frame in (b"a", b"bad", b"b"):
        one.send(frame)
    one.close()
    await asyncio.sleep(1)
    assert heard == [b"a", b"b", b"lost"]
    assert len(problems) == 1


@on_virtual_time
async def test_a_slow_wire_delivers_after_its_delay() -> None:
    loop = asyncio.get_running_loop()
    one, other = LossyChannel.pair(loop)
    one.fate = lambda _frame: 3.0  # type: ignore[attr-defined]  # it is a LossyChannel
    heard = Ear().listen(other)
    began = loop.time()
    one.send(b"a")
    await heard.until_frames(1)
    assert loop.time() - began == 3.0


@on_virtual_time
async def test_a_frame_never_overtakes_an_earlier_one() -> None:
    one, other = LossyChannel.pair(asyncio.get_running_loop())
    delays = {b"slow": 5.0, b"quick": 0.0, b"later": 1.0, b"same": 5.0}
    one.fate = delays.__getitem__  # type: ignore[attr-defined]  # it is a LossyChannel
    heard = Ear().listen(other)
    for frame in delays:
        one.send(frame)
    assert await heard.until_frames(4) == list(delays)


@on_virtual_time
async def test_the_loss_comes_after_frames_that_are_still_on_their_way() -> None:
    one, other = LossyChannel.pair(asyncio.get_running_loop())
    one.fate = lambda _frame: 3.0  # type: ignore[attr-defined]  # it is a LossyChannel
    heard = Ear().listen(other)
    one.send(b"a")
    one.close()
    await heard.until_lost()
    assert heard.frames == [b"a"]


@on_virtual_time
async def test_a_lossy_wire_loses_what_it_is_told_to() -> None:
    one, other = LossyChannel.pair(asyncio.get_running_loop())
    one.fate = lambda frame: None if frame == b"b" else 0.0  # type: ignore[attr-defined]
    heard = Ear().listen(other)
    for frame in (b"a", b"b", b"c"):
        one.send(frame)
    assert await heard.until_frames(2) == [b"a", b"c"]
