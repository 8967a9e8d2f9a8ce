"""What the line knows of the running attempt; tests of its words are beside the real processes."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.protocol.wire import WIRE
from picloud_worker.interpreter.control import RUNNING, SAID
from picloud_worker.interpreter.line import JobLine
from picloud_worker.pipe.frames import FrameReader, pack_frame
from picloud_worker.pipe.line import LINE, Asleep, Heard


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
        frames = FrameReader().feed(agents.recv(1000))
        words = [word for frame in frames for word in LINE.decode(frame)]
        assert words == [Asleep(1, 0), Asleep(1, 1)]
