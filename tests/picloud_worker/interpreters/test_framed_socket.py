"""An end of a socket to an interpreter, when the other end does what no interpreter does."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from picloud_worker.interpreters.framed_socket import FramedSocket
from picloud_worker.pipe.frames import pack_frame
from picloud_worker.pipe.messages import PIPE, PIPE_IN, Discard, GaveBack


class End(FramedSocket):
    """Notes what it is told, and reads at once."""

    def __init__(self, end: socket.socket) -> None:
        self.said: list[object] = []
        self.broken: list[str] = []
        super().__init__(end, PIPE, PIPE_IN, self.said.extend, self.broken.append)
        self.number = end.fileno()
        self.attach(asyncio.get_running_loop(), self.read)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, socket.socket]]:
    here, there = socket.socketpair()
    end = End(here)
    yield end, there
    end.close()
    there.close()


async def test_what_only_agents_say_breaks_it(ends: tuple[End, socket.socket]) -> None:
    end, there = ends
    there.sendall(pack_frame(PIPE.encode([GaveBack([1])])))
    there.sendall(pack_frame(PIPE.encode([Discard(1)])))
    assert end.read() is False
    assert "no interpreter of ours" in end.broken[0]


async def test_it_does_not_try_for_ever_to_write_to_an_end_that_is_closed(
    ends: tuple[End, socket.socket],
) -> None:
    end, there = ends
    there.shutdown(socket.SHUT_RD)
    end.send([Discard(1)])
    assert end.is_open
    assert not asyncio.get_running_loop().remove_writer(end.number)
