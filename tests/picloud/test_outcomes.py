"""The table of who waits for which job."""

from hypothesis import given
from hypothesis import strategies as st

from picloud.outcomes import UNKNOWN, Gather, OutcomeTable, Stream
from picloud.protocol.client_messages import JobFailed
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobStatus
from picloud.waiters import Wake


def gather(*jids: int, results: bool = True, fails_fast: bool = True) -> Gather:
    return Gather(jids, wants_results=results, fails_fast=fails_fast)


def failed(jid: int) -> JobFailed:
    return JobFailed(JobId(jid), JobStatus.ERROR, Failure(FailureKind.EXIT, "ended"))


def test_outcomes_arrive_at_their_positions() -> None:
    table, waiting = OutcomeTable(), gather(7, 5, 7)
    assert sorted(table.add(waiting)) == [5, 7]
    assert table.done([5], [b"five"]) == []
    assert waiting.outcome is None
    table.done([7], [b"seven"])
    assert waiting.outcomes == [b"seven", b"five", b"seven"]
    assert waiting.outcome is Wake.SET


def test_a_job_is_watched_once_for_all_who_want_the_same() -> None:
    table = OutcomeTable()
    assert list(table.add(gather(1, 2))) == [1, 2]
    assert list(table.add(gather(2, 3))) == [3]
    assert list(table.add(gather(1, results=False))) == []


def test_a_job_named_very_often_is_no_more_work_than_as_many_jobs() -> None:
    table, waiting = OutcomeTable(), gather(*[7] * 200_000)
    assert list(table.add(waiting)) == [7]
    table.done([7], [b"seven"])
    assert waiting.outcomes == [b"seven"] * 200_000


def test_a_result_is_asked_for_when_only_the_outcome_was_watched() -> None:
    table, joining, reading = OutcomeTable(), gather(1, results=False), gather(1)
    table.add(joining)
    assert list(table.add(reading)) == [1]
    # The answer to the first watch was on its way already.
    assert table.done([1], [None]) == [1]
    assert (joining.outcome, reading.outcome) == (Wake.SET, None)
    table.done([1], [b"one"])
    assert reading.outcomes == [b"one"]


def test_the_first_failure_ends_a_wait_that_fails_fast() -> None:
    table, fast, patient = OutcomeTable(), gather(1, 2), gather(1, 2, fails_fast=False)
    table.add(fast)
    table.add(patient)
    table.ended(2, failed(2))
    assert (fast.failed, fast.outcome, patient.outcome) == (1, Wake.SET, None)
    assert patient.first_unfinished() == 1
    table.ended(1, UNKNOWN)
    assert patient.outcome is Wake.SET
    assert patient.first_unfinished() is None


def test_a_removed_collector_hears_nothing_more() -> None:
    table, gone, staying = OutcomeTable(), gather(1, 2), gather(2)
    table.add(gone)
    table.add(staying)
    table.remove(gone)
    table.done([1, 2], [b"a", b"b"])
    assert gone.missing == 2
    assert staying.outcomes == [b"b"]


def test_outcomes_of_nobody_s_jobs_are_dropped() -> None:
    table = OutcomeTable()
    assert table.done([1], [None]) == []
    table.ended(1, UNKNOWN)


def test_a_loss_is_told_to_everybody_once() -> None:
    table, waiting, stream = OutcomeTable(), gather(1, 2), Stream([2, 3], wants_results=False)
    table.add(waiting)
    table.add(stream)
    table.lose()
    assert waiting.outcome is Wake.LOST
    assert stream.is_lost
    assert stream.next_arrival(lambda: False).outcome is Wake.LOST


def test_a_stream_keeps_the_order_of_arrival() -> None:
    table, stream = OutcomeTable(), Stream([1, 2, 3], wants_results=False)
    table.add(stream)
    waiter = stream.next_arrival(lambda: bool(stream.arrived))
    assert waiter.outcome is None
    table.done([3, 1], [None, None])
    assert waiter.outcome is Wake.SET
    assert stream.arrived == [2, 0]
    assert stream.first_unfinished() == 2


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=5),
    st.permutations(range(10)),
)
def test_everybody_gets_everything(wanted: list[list[int]], order: list[int]) -> None:
    table = OutcomeTable()
    waiting = [gather(*jids) for jids in wanted]
    watched: set[int] = set()
    for each in waiting:
        watched.update(table.add(each))
    for jid in order:
        if jid in watched:
            table.done([jid], [b"%d" % jid])
    assert [each.outcomes for each in waiting] == [[b"%d" % jid for jid in jids] for jids in wanted]
    assert all(each.outcome is Wake.SET for each in waiting)
