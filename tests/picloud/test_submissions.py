"""From calls in threads to messages in frames."""

import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.jobs import JobSpec
from picloud.submissions import (
    MAX_JOBS_PER_MESSAGE,
    MAX_SPECS,
    JobsToSend,
    Spec,
    SubmissionQueue,
    Submitter,
)


class Wire:
    """What was sent, frame by frame."""

    def __init__(self) -> None:
        self.frames: list[list[Any]] = [[]]

    def send(self, message: object) -> None:
        self.frames[-1].append(message)

    def flush(self) -> None:
        self.frames.append([])


def spec(name: str = "f", code: bytes = b"code") -> Spec:
    return Spec(JobSpec(name, "3.11"), code)


def queue_of(*blocks: range) -> SubmissionQueue:
    queue = SubmissionQueue()
    for block in blocks:
        queue.add_block(block)
    return queue


def test_neighbours_of_one_spec_travel_together() -> None:
    queue, one, other = queue_of(range(1, 100)), spec("one"), spec("other")
    for each in (one, one, other, one):
        queue.put(each, b"x")
    assert [(s.spec.spec.name, s.first, len(s.payloads)) for s in queue.take()] == [
        ("one", 1, 2),
        ("other", 3, 1),
        ("one", 4, 1),
    ]
    assert queue.is_empty()


def test_single_calls_are_watched_and_maps_are_not() -> None:
    queue, each = queue_of(range(1, 100)), spec()
    queue.put(each, b"x")
    queue.put(each, b"y")
    queue.put_many(each, [b"z"])
    assert [(s.first, s.watched) for s in queue.take()] == [(1, True), (3, False)]


def test_the_outcomes_of_watched_jobs_are_expected() -> None:
    expected: list[range] = []
    submitter, each = Submitter(Wire(), expected.append), spec()
    submitter.submit(JobsToSend(each, 5, [b"a", b"b"], watched=True))
    submitter.submit(JobsToSend(each, 7, [b"c"], watched=False))
    assert expected == [range(5, 7)]


def test_ids_run_out_and_come_back() -> None:
    queue, each = queue_of(range(1, 3)), spec()
    assert [queue.put(each, b"") for _ in range(3)] == [1, 2, None]
    assert not queue.has_ids
    assert queue.is_low
    queue.add_block(range(10, 14))
    assert queue.put_many(each, [b""] * 9) == range(10, 14)
    assert len(queue.put_many(each, [b""])) == 0
    assert [(s.first, len(s.payloads)) for s in queue.take()] == [(1, 2), (10, 4)]


def test_half_a_block_is_low_unless_there_is_another() -> None:
    queue, each = queue_of(range(1, 11)), spec()
    queue.put_many(each, [b""] * 4)
    assert not queue.is_low
    queue.put(each, b"")
    assert queue.is_low
    queue.add_block(range(20, 30))
    assert not queue.is_low


def test_a_message_holds_so_many_bytes_and_jobs() -> None:
    queue, each = queue_of(range(1, 1 << 20)), spec()
    for _ in range(4):
        queue.put(each, bytes(limits.FRAME_TARGET // 2))
    assert [len(s.payloads) for s in queue.take()] == [2, 2]
    for _ in range(MAX_JOBS_PER_MESSAGE + 1):
        queue.put(each, b"")
    assert [len(s.payloads) for s in queue.take()] == [MAX_JOBS_PER_MESSAGE, 1]


def test_a_spec_is_defined_before_its_first_jobs_and_once() -> None:
    wire = Wire()
    submitter, each = Submitter(wire, list), spec()
    submitter.submit(JobsToSend(each, 1, [b"a"], watched=False))
    submitter.submit(JobsToSend(each, 2, [b"b"], watched=False))
    [frame] = wire.frames
    assert frame == [
        DefineSpec(each.number, each.spec, b"code"),  # type: ignore[arg-type]  # has one by now
        SubmitJobs(each.number, 1, [b"a"]),  # type: ignore[arg-type]
        SubmitJobs(each.number, 2, [b"b"]),  # type: ignore[arg-type]
    ]


def test_the_spec_used_least_lately_is_forgotten_and_defined_again() -> None:
    wire = Wire()
    submitter, specs = Submitter(wire, list), [spec(str(n)) for n in range(MAX_SPECS + 1)]
    for n in (*range(MAX_SPECS), 0, MAX_SPECS, 1):
        submitter.submit(JobsToSend(specs[n], n, [b""], watched=False))
    messages = [message for frame in wire.frames for message in frame]
    forgotten = [message.number for message in messages if isinstance(message, ForgetSpec)]
    assert forgotten == [2, 3]
    known: set[int] = set()
    for message in messages:
        if isinstance(message, DefineSpec):
            known.add(message.number)
        elif isinstance(message, ForgetSpec):
            known.remove(message.number)
        else:
            assert message.spec in known


@given(st.lists(st.integers(0, 2 * limits.FRAME_TARGET), max_size=12))
def test_no_frame_grows_over_what_the_peer_accepts(sizes: list[int]) -> None:
    wire = Wire()
    submitter, each = Submitter(wire, list), spec()
    for jid, size in enumerate(sizes):
        submitter.submit(JobsToSend(each, jid, [bytes(size)], watched=False))
    for frame in wire.frames:
        jobs = [message for message in frame if isinstance(message, SubmitJobs)]
        total = sum(len(payload) for message in jobs for payload in message.payloads)
        assert total <= limits.FRAME_TARGET or len(jobs) == 1


def test_threads_get_different_ids() -> None:
    queue, each = queue_of(*(range(n, n + 50) for n in range(0, 2000, 100))), spec()
    taken: list[int] = []

    def work() -> None:
        for _ in range(100):
            jid = queue.put(each, b"")
            assert jid is not None
            taken.append(jid)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 800
    sent = [s.first + n for s in queue.take() for n in range(len(s.payloads))]
    assert sorted(sent) == sorted(taken)
