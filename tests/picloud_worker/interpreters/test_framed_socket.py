"""An end of a socket to an interpreter, when the other end does what no interpreter does."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from picloud_worker.interpreters import framed_socket
from picloud_worker.interpreters.framed_socket import FramedSocket
from picloud_worker.pipe.frames import pack_frame
from picloud_worker.pipe.messages import PIPE, PIPE_IN, Discard, GaveBack


class End(FramedSocket):
    """Notes what it is told, and reads at once."""

    def __init__(self, end: socket.socket) -> None:
        self.said: list[object] = []
        self.broken: list[str] = []
        self.answer: Callable[[], None] = lambda: None
        super().__init__(end, PIPE, PIPE_IN, self._hear, self.broken.append)
        self.number = end.fileno()
        self.attach(asyncio.get_running_loop(), self.read)

    def _hear(self, messages: list[object]) -> None:
        self.said.extend(messages)
        self.answer()


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
    assert end.read() == 0
    assert "no interpreter of ours" in end.broken[0]


async def test_it_does_not_try_for_ever_to_write_to_an_end_that_is_closed(
    ends: tuple[End, socket.socket],
) -> None:
    end, there = ends
    there.shutdown(socket.SHUT_RD)
    end.send([Discard(1)])
    assert end.is_open
    assert not asyncio.get_running_loop().remove_writer(end.number)


async def test_all_that_waits_in_it_is_read_in_one_go(ends: tuple[End, socket.socket]) -> None:
    end, there = ends
    frame = pack_frame(PIPE_IN.encode([GaveBack([1])]))
    many = framed_socket.RECEIVE_BYTES // len(frame) + 2  # more than one piece
    there.sendall(frame * many)
    end.read_waiting()
    assert len(end.said) == many


async def test_what_comes_while_it_is_read_waits_for_the_next_time(
    ends: tuple[End, socket.socket],
) -> None:
    end, there = ends
    frame = pack_frame(PIPE_IN.encode([GaveBack([1])]))
    there.sendall(frame)
    end.answer = lambda: there.sendall(frame)
    end.read_waiting()
    assert len(end.said) == 1


async def test_an_end_that_nobody_writes_to_any_more_breaks_once(
    ends: tuple[End, socket.socket],
) -> None:
    end, there = ends
    there.close()
    end.read_waiting()
    end.read_waiting()
    assert end.broken == [""]
