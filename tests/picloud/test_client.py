"""What holds a client back, and what it makes of its master's words."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from picloud import errors
from picloud.aio.memory import MemoryChannel
from picloud.job import Job
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.link_messages import CloseReason
from picloud.session import Session
from picloud.submit_verbs import PIECE_ITEMS
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


class NarrowChannel(MemoryChannel):
    """Is full whenever its master says so."""

    is_full = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rooms: list[Callable[[], None]] = []

    def buffered(self) -> int:
        return 1 << 30 if self.is_full else 0

    def on_room(self, callback: Callable[[], None]) -> None:
        self.rooms.append(callback)

    def drain(self) -> None:
        self.is_full = False
        for callback in self.rooms:
            callback()


async def test_submitting_waits_while_the_link_has_no_room() -> None:
    master = FakeMaster(channel_class=NarrowChannel)
    async with master.session() as session:
        assert await (await session.acall(double, 1)) == 2
        channel = master.channel
        assert isinstance(channel, NarrowChannel)
        channel.is_full = True
        await session.acall(double, 2)  # the one that finds the link full
        await session.astatus(1)
        mapping = asyncio.ensure_future(session.amap(double, range(3 * PIECE_ITEMS)))
        calling = asyncio.ensure_future(session.acall(double, 3))
        await session.astatus(1)
        assert not mapping.done()
        assert not calling.done()
        assert len(master.told(SubmitJobs)) == 2
        assert master.thread is not None
        master.thread.post(channel.drain)
        assert await session.aresult(await mapping) == [2 * n for n in range(3 * PIECE_ITEMS)]
        assert await (await calling) == 6


async def test_a_map_gives_the_loop_a_turn_between_pieces() -> None:
    async with FakeMaster().session() as session:
        turns: list[int] = []

        def numbers() -> Any:
            for n in range(3 * PIECE_ITEMS):
                if n % PIECE_ITEMS == 0:
                    turns.append(ticks[0])
                yield n

        ticks = [0]

        async def tick() -> None:
            while True:
                ticks[0] += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        await session.amap(double, numbers())
        ticking.cancel()
        assert turns[0] < turns[1] < turns[2]


def ask_until_lost(session: Session, job: Job) -> None:
    while True:
        session.status(job)


@pytest.mark.parametrize(
    ("reason", "cls"),
    [
        (CloseReason.VERSION, errors.VersionMismatch),
        (CloseReason.SILENCE, errors.ConnectionLost),
        (CloseReason.REFUSED, errors.ConnectionLost),
    ],
)
def test_a_closed_link_is_the_error_of_its_reason(
    reason: CloseReason, cls: type[Exception]
) -> None:
    master = FakeMaster()
    with master.session() as session:
        job = session.call(double, 1, _label="held")
        session.why(job)
        assert master.thread is not None
        assert master.link is not None
        master.thread.post(master.link.close, reason, "that is why")
        with pytest.raises(cls, match="that is why"):
            session.result(job)


def test_a_master_that_leaves_says_what_it_has_to_say_first() -> None:
    master = FakeMaster()
    with master.session() as session:
        job = session.call(double, 1)
        session.join(job)
        assert master.thread is not None
        assert master.link is not None
        master.thread.post(master.link.drain)
        with pytest.raises(errors.ConnectionLost):
            ask_until_lost(session, job)
