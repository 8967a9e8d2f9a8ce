"""Sets of job ids as ranges, against sets of numbers."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from picloud_master.core.holdings import Holdings

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 12)), max_size=40)


def holdings(ranges: list[tuple[int, int]]) -> Holdings:
    made = Holdings()
    for first, length in ranges:
        made.add(first, first + length)
    return made


def ids(ranges: list[tuple[int, int]]) -> set[int]:
    return {jid for first, length in ranges for jid in range(first, first + length)}


@given(RANGES)
def test_they_are_the_union_of_what_was_added(ranges: list[tuple[int, int]]) -> None:
    made, expected = holdings(ranges), ids(ranges)
    assert list(made.ids()) == sorted(expected)
    assert {jid for jid in range(80) if jid in made} == expected
    assert bool(made) == bool(expected)


@given(RANGES)
def test_their_ranges_neither_overlap_nor_touch(ranges: list[tuple[int, int]]) -> None:
    bounds = [bound for pair in holdings(ranges).ranges() for bound in pair]
    assert bounds == sorted(set(bounds))


@given(RANGES, RANGES)
def test_they_are_compared_and_cut_as_sets_are(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    left, right = holdings(some), holdings(others)
    assert set(left.within(right).ids()) == ids(some) & ids(others)
    assert set(left.without(right).ids()) == ids(some) - ids(others)
    both = left.copy()
    both.update(right)
    assert set(both.ids()) == ids(some) | ids(others)
    assert list(left.ids()) == sorted(ids(some))
    assert (left == right) == (ids(some) == ids(others))
    for first, length in others:
        taken = set(range(first, first + length)) & ids(some)
        assert left.overlaps(first, first + length) == bool(taken)


@given(RANGES)
def test_they_are_made_of_handles_in_any_order(ranges: list[tuple[int, int]]) -> None:
    flat = [bound for first, length in ranges for bound in (first, first + length)]
    assert Holdings.of(flat) == holdings(ranges)


def test_what_is_no_range_is_left_out() -> None:
    assert list(Holdings.of([5, 5, 9, 2, 3, 4, 7]).ids()) == [3]
    assert not Holdings.of([7])


def test_many_at_once_are_sorted_in() -> None:
    even, odd = (
        holdings([(n, 1) for n in range(0, 200, 2)]),
        holdings([(n, 1) for n in range(1, 200, 2)]),
    )
    even.update(odd)
    assert list(even.ranges()) == [(0, 200)]


def test_children_that_come_one_by_one_are_one_range() -> None:
    made = Holdings()
    for jid in range(1, 100_001):
        made.add(jid, jid + 1)
    assert list(made.ranges()) == [(1, 100_001)]
    assert sys.getsizeof(made._bounds) < 200


def test_they_show_their_ranges() -> None:
    assert repr(holdings([(1, 3), (9, 1)])) == "Holdings(1-3, 9-9)"
