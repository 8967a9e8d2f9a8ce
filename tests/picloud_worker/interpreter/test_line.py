"""What the line knows of the running attempt; tests of its words are beside the real processes."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from picloud.aio.loop_thread import new_event_loop
from picloud.protocol.client_messages import ReserveJids, WatchJobs
from picloud.protocol.ids import JobId
from picloud.protocol.wire import WIRE
from picloud_worker.interpreter.control import RUNNING, SAID
from picloud_worker.interpreter.line import JobLine
from picloud_worker.pipe.frames import FrameReader, pack_frame
from picloud_worker.pipe.line import LINE, Asleep, GoOn, Heard, Said


@pytest.fixture
def end() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def line_of(end: socket.socket, page: Any) -> JobLine:
    return JobLine(end, page, lambda: None)


def test_inputs_are_those_of_the_running_attempt(end: socket.socket) -> None:
    page = {RUNNING: 0}
    line = line_of(end, page)
    line.take_inputs([1, 2], [b"one", b""], are_next=True)
    for page[RUNNING], inputs in ((1, b"one"), (2, b""), (3, b"")):
        assert line.inputs == inputs


def test_inputs_of_attempts_that_are_over_are_let_go(end: socket.socket) -> None:
    page = {RUNNING: 2}
    line = line_of(end, page)
    line.take_inputs([1, 2], [b"one", b"two"], are_next=True)
    line.take_inputs([3], [b"three"], are_next=True)
    for page[RUNNING], inputs in ((1, b""), (2, b"two"), (3, b"three")):
        assert line.inputs == inputs


def test_a_session_is_forgotten_with_its_attempt(end: socket.socket) -> None:
    page = {RUNNING: 1}
    line = line_of(end, page)
    line.session = "of the first"
    page[RUNNING] = 2
    assert line.session is None


class Slow(int):
    """A number whose first comparison in the second thread lasts until the first one is through."""

    def __ne__(self, other: object) -> bool:
        found = int(self) != other
        if threading.current_thread().name == "second" and not compared.is_set():
            compared.set()
            through.wait()
        return found

    __hash__ = int.__hash__


compared, through = threading.Event(), threading.Event()


def test_of_two_threads_that_use_the_line_first_only_one_begins_the_attempt(
    end: socket.socket,
) -> None:
    line = line_of(end, {RUNNING: Slow(1)})
    seen: list[Any] = []
    second = threading.Thread(target=lambda: seen.append(line.session), name="second")
    second.start()
    compared.wait()
    line.session = "made by the first thread"
    through.set()
    second.join()
    assert seen == [line.session] == ["made by the first thread"]


class Unmet:
    """What a loop waits for, and has not happened."""

    def is_set(self) -> bool:
        return False


def words_from(agents: socket.socket, flags: int = socket.MSG_DONTWAIT) -> list[Any]:
    """What the agent finds in the socket now, or gets first of all if there are no flags."""
    frames = FrameReader().feed(agents.recv(1000, flags))
    return [word for frame in frames for word in LINE.decode(frame)]


WISH = WatchJobs([JobId(1)], results=True)
SAID_WISH = Said(1, WIRE.encode([WISH]))


def test_what_is_to_leave_with_the_next_words_is_in_front_of_them() -> None:
    ours, agents = socket.socketpair()
    with ours, agents:
        line = line_of(ours, {RUNNING: 1, SAID: 0})
        line.say([WISH], with_next=True)
        with pytest.raises(BlockingIOError):
            words_from(agents)
        line.say([ReserveJids()])
        assert words_from(agents) == [SAID_WISH, Said(1, WIRE.encode([ReserveJids()]))]


class Occurrence:
    """What a thread waits for."""

    has_happened = False

    def is_set(self) -> bool:
        return self.has_happened


def test_who_goes_to_sleep_says_with_it_what_he_waits_for() -> None:
    ours, agents = socket.socketpair()
    with ours, agents:
        line, hoped = line_of(ours, {RUNNING: 1, SAID: 0}), Occurrence()
        line.say([WISH], with_next=True)
        sleeper = threading.Thread(target=line.sleep, args=[hoped])
        sleeper.start()
        assert words_from(agents, 0) == [SAID_WISH, Asleep(1, 0)]

        # Another one sleeps beside it.
        line.say([WISH], with_next=True)
        line.sleep(Unmet(), 0.001)
        assert words_from(agents) == [SAID_WISH]

        hoped.has_happened = True
        agents.sendall(pack_frame(LINE.encode([GoOn(1)])))
        sleeper.join()


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_so_does_who_only_waits_for_an_answer_or_not_at_all(seconds: float) -> None:
    ours, agents = socket.socketpair()
    with ours, agents:
        line = line_of(ours, {RUNNING: 1, SAID: 0})
        line.say([WISH], with_next=True)
        line.sleep(Unmet(), seconds, lends=False)
        assert words_from(agents) == [SAID_WISH]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, new_event_loop])
def test_a_loop_hears_what_was_taken_from_the_socket_before_it_came(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    ours, agents = socket.socketpair()
    with ours, agents, closing(new_loop()) as loop:
        line = line_of(ours, {RUNNING: 1, SAID: 0})
        heard = loop.create_future()
        line.on_heard = heard.set_result
        agents.sendall(pack_frame(LINE.encode([Heard(1, WIRE.encode([ReserveJids()]))])))
        line.say([ReserveJids()])
        line.attach(loop)
        assert loop.run_until_complete(asyncio.wait_for(heard, 10)) == [ReserveJids()]


def test_a_loop_that_hears_lends_again_for_another_one_that_sleeps() -> None:
    ours, agents = socket.socketpair()
    with ours, agents:
        line = line_of(ours, {RUNNING: 1, SAID: 0})
        line.awaited.add(Unmet())
        sleeper = threading.Thread(target=line.before_loop_sleeps)
        sleeper.start()
        sleeper.join()
        agents.sendall(pack_frame(LINE.encode([Heard(1, WIRE.encode([]))])))
        assert not line.before_loop_sleeps()
        assert words_from(agents) == [Asleep(1, 0), Asleep(1, 1)]
