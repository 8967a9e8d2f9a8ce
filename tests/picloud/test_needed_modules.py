"""What is remembered of the modules that jobs were given."""

import pytest

from picloud import needed_modules
from picloud.needed_modules import NeededModules

A, B = frozenset({"a"}), frozenset({"b", "c"})


def noted(*runs: tuple[int, int, frozenset[str]]) -> NeededModules:
    """Jobs, in the order in which they are noted."""
    needed = NeededModules()
    for first, stop, roots in runs:
        needed.note(first, stop, roots)
    return needed


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([5, 6], A),
        ([1, 5], frozenset()),
        ([6, 7], A),
        ([7, 10], frozenset()),
        ([7, 11], B),
        ([12, 13], B),
        ([13, 20], frozenset()),
        ([1, 99], A | B),
        ([6, 7, 11, 12], A | B),
        ([], frozenset()),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_ranges_of_jobs_need_what_each_of_them_was_given(
    ranges: list[int], expected: frozenset[str], order: int
) -> None:
    runs = [(5, 6, A), (6, 7, A), (10, 13, B)]
    assert noted(*runs[::order]).of(ranges) == expected
    assert noted(*runs[::order]).of(None, ranges) == expected


def test_jobs_that_nobody_has_noted_need_nothing() -> None:
    assert NeededModules().of([1, 2]) == frozenset()


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed_modules, "MOST", 10)
    needed = noted(*((number, number + 1, A if number % 2 else B) for number in range(11)))
    assert needed.of([0, 1]) == frozenset()
    assert needed.of([1, 2]) == A


def test_jobs_that_follow_each_other_take_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed_modules, "MOST", 10)
    needed = noted(*((number, number + 1, A) for number in range(100)))
    assert needed.of([0, 1]) == A
