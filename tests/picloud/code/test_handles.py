"""Ranges of jobs, put into order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.code import values
from picloud.code.handles import merged
from picloud.job import Job, JobMap
from picloud.protocol.limits import MAX_ITEMS


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9))))
def test_ranges_are_merged(pairs: list[tuple[int, int]]) -> None:
    flat = merged((first, first + count) for first, count in pairs)
    assert flat == sorted(set(flat))
    covered = {jid for at in range(0, len(flat), 2) for jid in range(flat[at], flat[at + 1])}
    assert covered == {jid for first, count in pairs for jid in range(first, first + count)}


def test_too_many_places_are_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        merged((2 * n, 2 * n + 1) for n in range(MAX_ITEMS // 2 + 1))


def test_many_handles_in_one_value_become_few_ranges() -> None:
    notes = values.Notes()
    values.dumps([Job(n) for n in range(1, 1_001)], notes)
    assert notes.handles == [1, 1_001]


def test_a_value_with_too_many_is_refused() -> None:
    jobs = JobMap([range(1, MAX_ITEMS + 4, 2)])
    with pytest.raises(
        values.Oversize, match=f"more than {MAX_ITEMS // 2} places: .* name whole maps"
    ):
        values.dumps([jobs], values.Notes())
