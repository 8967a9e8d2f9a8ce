"""What a client asks for, what comes unasked, and what is kept of it."""

from typing import Any

from picloud.outcomes import Gather
from picloud.protocol.client_messages import JobFailed, JobsDone, WatchJobs
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobStatus
from picloud.waiters import Wake
from picloud.watches import EarlyOutcomes, Watches

ONE = JobId(1)
FAILED = JobFailed(ONE, JobStatus.ERROR, Failure(FailureKind.EXIT, "ended"))


class Wire:
    """What was sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: object) -> None:
        self.messages.append(message)


def ignored() -> None:
    """Whoever tests asks when it suits it."""


def gather(*jids: int, results: bool = True) -> Gather:
    return Gather(jids, wants_results=results, fails_fast=True)


def sent(watches: Watches) -> list[Any]:
    wire = Wire()
    watches.send(wire)  # type: ignore[arg-type]  # it only sends
    return wire.messages


def test_a_job_is_asked_for_unless_its_outcome_comes_by_itself() -> None:
    watches = Watches(ignored)
    watches.expect(range(2, 4))
    watches.add(gather(1, 2, 3))
    assert sent(watches) == [WatchJobs([ONE], True)]
    assert sent(watches) == []


def test_an_outcome_that_came_early_is_there_for_who_comes_late() -> None:
    watches, late = Watches(ignored), gather(1)
    watches.expect(range(1, 2))
    watches.on_jobs_done(JobsDone([ONE], [b"one"]))
    watches.add(late)
    assert sent(watches) == []
    assert (late.outcome, late.outcomes) == (Wake.SET, [b"one"])


def test_so_is_a_failure() -> None:
    watches, late = Watches(ignored), gather(1)
    watches.expect(range(1, 2))
    watches.on_job_failed(FAILED)
    watches.add(late)
    assert late.outcomes == [FAILED]


def test_an_early_outcome_is_handed_over_once_and_asked_for_after_that() -> None:
    watches = Watches(ignored)
    watches.expect(range(1, 2))
    watches.on_jobs_done(JobsDone([ONE], [b"one"]))
    watches.add(gather(1))
    watches.add(gather(1))
    assert sent(watches) == [WatchJobs([ONE], True)]


def test_a_large_result_comes_without_its_bytes_and_is_asked_for_by_who_wants_them() -> None:
    watches, joining, reading = Watches(ignored), gather(1, results=False), gather(1)
    watches.expect(range(1, 2))
    watches.add(joining)
    watches.add(reading)
    assert sent(watches) == []
    watches.on_jobs_done(JobsDone([ONE], [None]))
    assert (joining.outcome, reading.outcome) == (Wake.SET, None)
    assert sent(watches) == [WatchJobs([ONE], True)]
    watches.on_jobs_done(JobsDone([ONE], [b"large"]))
    assert reading.outcomes == [b"large"]


def test_what_nobody_expects_is_not_kept() -> None:
    watches = Watches(ignored)
    watches.on_jobs_done(JobsDone([ONE], [b"of an abandoned wait"]))
    watches.add(gather(1))
    assert sent(watches) == [WatchJobs([ONE], True)]


def test_outcomes_of_deleted_jobs_are_not_to_be_had() -> None:
    watches = Watches(ignored)
    watches.expect(range(1, 2))
    watches.on_jobs_done(JobsDone([ONE], [b"one"]))
    watches.forget([1, 2])
    watches.add(gather(1))
    assert sent(watches) == [WatchJobs([ONE], True)]


def test_it_is_said_when_there_is_something_to_ask_for() -> None:
    said: list[int] = []
    watches = Watches(lambda: said.append(1))
    watches.add(gather(1, results=False))
    assert len(said) == 1
    watches.add(gather(1, results=False))
    assert len(said) == 1
    watches.add(gather(1))
    assert len(said) == 2


def test_the_oldest_early_outcomes_make_room() -> None:
    few, small = EarlyOutcomes(items=2), EarlyOutcomes(size=10)
    for jid in range(3):
        few.put(jid, b"")
        small.put(jid, b"12345")
    assert [few.pop(0), few.pop(1), few.pop(2)] == [None, b"", b""]
    assert (len(small), small.pop(0)) == (2, None)
    small.put(9, b"more than there is room for")
    assert len(small) == 0
    small.put(10, b"12345")
    assert small.pop(10) == b"12345"


def test_results_that_all_came_early_are_taken_at_once_and_once() -> None:
    watches = Watches(ignored)
    watches.take_early([JobsDone([JobId(1), JobId(2), JobId(3)], [b"1", b"2", b"3"])])
    assert watches.take_results([3, 1, 3]) == [b"3", b"1", b"3"]
    assert watches.take_results([1]) is None
    assert watches.take_results([2]) == [b"2"]


def test_none_is_taken_unless_all_are_here_and_all_are_results() -> None:
    watches = Watches(ignored)
    assert watches.take_results([]) is None
    watches.take_early([FAILED, JobsDone([JobId(2), JobId(3)], [b"2", None])])
    for jids in ([1], [2, 1], [2, 3], [2, 4]):
        assert watches.take_results(jids) is None
    assert watches.take_results([2]) == [b"2"]
