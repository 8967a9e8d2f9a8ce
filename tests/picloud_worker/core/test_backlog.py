"""Attempts in the order in which they run."""

from picloud.protocol import limits
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.states import OVER
from picloud_worker.core.backlog import Backlog
from tests.support.builders import an_attempt


def drain(backlog: Backlog) -> list[int]:
    found: list[int] = []
    while taken := backlog.take(1):
        found += [attempt.sequence for attempt in taken]
    return found


def a_backlog() -> Backlog:
    backlog = Backlog()
    for sequence, priority in enumerate([5, 1, 5, 9], start=1):
        backlog.extend([an_attempt(sequence, priority=priority)])
    return backlog


def test_by_priority_then_age() -> None:
    assert drain(a_backlog()) == [2, 1, 3, 4]


def ranked(sequence: int, rank: int, priority: int = 5) -> Attempt:
    attempt = an_attempt(sequence, priority=priority)
    attempt.rank = rank
    return attempt


def test_of_one_priority_the_higher_rank_runs_first_then_the_older_one() -> None:
    backlog = Backlog()
    for attempt in [ranked(1, 0), ranked(2, 3), ranked(3, 3), ranked(4, 1), ranked(5, 0, 1)]:
        backlog.extend([attempt])
    backlog.put_back(ranked(6, 3))
    assert (last := backlog.pop_last()) is not None
    assert last.sequence == 1
    assert drain(backlog) == [5, 2, 3, 6, 4]


def test_what_ranks_too_low_is_passed_over_and_stays() -> None:
    backlog = Backlog()
    for attempt in [ranked(1, 0, 1), ranked(2, 1, 9), ranked(3, 2, 9), ranked(4, 1)]:
        backlog.extend([attempt])
    assert backlog.highest_rank() == 2
    assert [one.sequence for one in backlog.take(9, least_rank=1)] == [4]
    assert (first := backlog.first(least_rank=1)) is not None
    assert first.sequence == 3
    assert backlog.first(least_rank=3) is None
    assert drain(backlog) == [1, 3, 2]


def test_a_stopped_one_has_no_rank() -> None:
    backlog = Backlog()
    attempt = ranked(1, 5)
    backlog.extend([attempt])
    attempt.state = OVER
    assert backlog.highest_rank() == 0


def test_those_put_back_go_by_age_whatever_the_order_in_which_they_come() -> None:
    backlog = Backlog()
    for sequence in (2, 4, 6):
        backlog.extend([an_attempt(sequence)])
    for sequence in (1, 5, 3):
        backlog.put_back(an_attempt(sequence))
    assert drain(backlog) == [1, 2, 3, 4, 5, 6]


def test_the_last_is_the_one_that_would_run_last() -> None:
    backlog = a_backlog()
    taken = [one.sequence for _ in range(4) if (one := backlog.pop_last())]
    assert taken == [4, 3, 1, 2]
    assert (backlog.pop_last(), backlog.first(), len(backlog)) == (None, None, 0)


def test_stopped_ones_are_passed_over_at_both_ends() -> None:
    backlog = Backlog()
    attempts = [an_attempt(n) for n in range(1, 5)]
    for attempt in attempts:
        backlog.extend([attempt])
    attempts[0].state = attempts[3].state = OVER
    last = backlog.pop_last()
    assert last is attempts[2]
    assert drain(backlog) == [2]
    assert len(backlog) == 0


def test_what_is_taken_together_is_of_one_spec_and_rank() -> None:
    backlog = Backlog()
    alike = [an_attempt(1), an_attempt(2), an_attempt(3)]
    for attempt in alike:
        attempt.spec = alike[0].spec
    for attempt in [*alike, an_attempt(4)]:
        backlog.extend([attempt])
    backlog.extend([ranked(5, 1)])
    alike[1].state = OVER
    assert [one.sequence for one in backlog.take(9)] == [5]
    assert [one.sequence for one in backlog.take(9)] == [1, 3]
    assert len(backlog) == 1


def test_large_payloads_are_taken_a_few_at_a_time() -> None:
    backlog = Backlog()
    large = [an_attempt(1), an_attempt(2), an_attempt(3)]
    for attempt in large:
        attempt.spec = large[0].spec
        attempt.payload = bytes(limits.FRAME_TARGET // 2)
    backlog.extend(large)
    assert [[one.sequence for one in backlog.take(9)] for _ in range(2)] == [[1, 2], [3]]
