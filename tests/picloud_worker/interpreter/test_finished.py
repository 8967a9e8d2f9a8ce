"""What has finished, until it is reported."""

from typing import Any

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.usage import Usage
from picloud_worker.interpreter.control import UNREPORTED
from picloud_worker.interpreter.execution import Naming
from picloud_worker.interpreter.finished import FinishedAttempts
from picloud_worker.interpreter.unreported import UnreportedReader, UnreportedWriter
from picloud_worker.interpreter.usage import UsageMeter
from picloud_worker.pipe.frames import FrameReader
from picloud_worker.pipe.messages import PIPE, GaveBack, Raised, Returned, Wrote

USED = Usage(0.5, 0.25, 0.0, 4096)
WORDY = Usage(0.5, 0.25, 0.0, 4096, "5", "a profile")
FAILURE = Failure(FailureKind.EXIT, "ours")


class Meter(UsageMeter):
    """Each second of run time is half a second of CPU time."""

    returned: Usage | None = None

    def read(self, runtime: float) -> Usage:
        return Usage(runtime, runtime / 2, runtime / 4, 4096)

    def put_back(self, usage: Usage) -> None:
        self.returned = usage


class Finished:
    """What is finished, and what the agent finds."""

    def __init__(self, room: int = 1000) -> None:
        page = memoryview(bytearray(8 * (UNREPORTED + 1))).cast("Q")
        area = memoryview(bytearray(room))
        self.meter = Meter()
        self.attempts = FinishedAttempts(UnreportedWriter(page, area), self.meter)
        self.reader = UnreportedReader(page, area)

    def taken(self) -> list[Any]:
        frames = FrameReader().feed(self.attempts.take())
        return [message for frame in frames for message in PIPE.decode(frame)]


def test_short_ones_are_one_message_and_have_one_reading() -> None:
    finished = Finished()
    finished.attempts.add_short(1, b"one", 0.5)
    finished.attempts.add_short(2, b"two", 1.5)
    usage = Usage(2.0, 1.0, 0.5, 4096)
    assert finished.taken() == [
        Returned([1, 2], [b"one", b"two"], [0.5, 1.5], usage=usage.packed())
    ]


def test_one_that_is_measured_apart_gets_the_rest_of_a_reading() -> None:
    finished = Finished()
    finished.attempts.add_short(1, b"one", 1.0)
    usage = finished.attempts.measure(3.0)
    finished.attempts.add(2, b"two", 3.0, usage)
    before, apart = finished.taken()
    assert before.usage == Usage(1.0, 0.5, 0.25, 4096).packed()
    assert apart == Returned([2], [b"two"], [3.0], usage=Usage(3.0, 1.5, 0.75, 4096).packed())


def test_each_kind_of_end_has_its_message() -> None:
    finished = Finished()
    finished.attempts.say(Wrote(1, "out", "", ""))
    finished.attempts.add(1, FAILURE, 0.5, USED)
    finished.attempts.add(2, Naming(b"two", [4, 6]), 0.5, USED)
    assert finished.taken() == [
        Wrote(1, "out", "", ""),
        Raised(1, FAILURE, 0.5, USED.packed()),
        Returned([2], [b"two"], [0.5], [[4, 6]], usage=USED.packed()),
    ]


def test_what_is_given_back_goes_ahead_of_all_results() -> None:
    finished = Finished()
    finished.attempts.add_short(1, b"one", 0.5)
    finished.attempts.say_first(GaveBack([2]))
    usage = Usage(0.5, 0.25, 0.125, 4096)
    assert finished.taken() == [GaveBack([2]), Returned([1], [b"one"], [0.5], usage=usage.packed())]


def test_while_a_job_runs_those_before_it_get_their_share_and_it_keeps_its_own() -> None:
    finished = Finished()
    finished.attempts.seal_before(9.0)
    assert finished.meter.returned is None
    finished.attempts.add_short(1, b"one", 1.0)
    finished.attempts.seal_before(3.0)
    assert finished.meter.returned == Usage(3.0, 1.5, 0.75, 4096)
    assert [one.usage for one in finished.taken()] == [Usage(1.0, 0.5, 0.25, 4096).packed()]


def test_the_agent_finds_what_was_not_sent_until_it_was() -> None:
    finished = Finished()
    assert not finished.attempts
    finished.attempts.add_short(1, b"one", 0.5)
    finished.attempts.add(2, b"two", 0.5, USED)
    finished.attempts.add_short(3, b"three", 0.5)
    finished.attempts.add(4, b"four", 0.5, WORDY)
    finished.attempts.add(5, FAILURE, 0.5, USED)
    assert finished.attempts
    assert finished.reader.messages() == [
        Returned([1], [b"one"], [0.5]),
        Returned([2], [b"two"], [0.5], usage=USED.packed()),
        Returned([3], [b"three"], [0.5]),
        Returned([4], [b"four"], [0.5], usage=WORDY.packed()),
        Raised(5, FAILURE, 0.5, USED.packed()),
    ]
    finished.taken()
    assert not finished.attempts
    finished.attempts.sent()
    assert finished.reader.messages() == []


def test_it_is_due_when_the_agent_could_not_find_more() -> None:
    finished = Finished(room=40)
    finished.attempts.add_short(1, b"one", 0.5)
    assert not finished.attempts.is_due
    finished.attempts.add_short(2, b"two", 0.5)
    assert finished.attempts.is_due
    assert [one.sequences for one in finished.taken()] == [[1, 2]]
    assert not finished.attempts.is_due


def test_what_is_noted_stays_so_until_it_is_added() -> None:
    finished = Finished()
    finished.attempts.add_short(1, b"one", 0.5)
    with finished.attempts.noted(2, b"two", 0.5, USED):
        finished.taken()  # a recall comes amid the repr of its arguments
        finished.attempts.sent()
        assert finished.reader.messages() == [Returned([2], [b"two"], [0.5], usage=USED.packed())]
    finished.attempts.sent()
    assert finished.reader.messages() == []
