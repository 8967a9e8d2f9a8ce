"""A capability proves a range of jobs, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol.capabilities import (
    SIZE,
    block_secret,
    capability_of,
    is_valid,
    origin_of,
)
from picloud.protocol.limits import JIDS_PER_BLOCK, MAX_WHOLES

KEY = b"the master's key"
PLACES = st.integers(1, 1 << 40)
LENGTHS = st.integers(1, 1000)


def made(first: int, stop: int, key: bytes = KEY) -> bytes:
    return capability_of(block_secret(key, first), first, stop)


def within_a_block(first: int, length: int) -> tuple[int, int]:
    """A range from `first` on that does not leave the block."""
    end_of_block = ((first - 1) // JIDS_PER_BLOCK + 1) * JIDS_PER_BLOCK + 1
    return first, min(first + length, end_of_block)


@given(PLACES, LENGTHS)
def test_a_capability_proves_the_range_that_it_was_made_for(first: int, length: int) -> None:
    first, stop = within_a_block(first, length)
    assert is_valid(KEY, first, stop, made(first, stop))


@given(PLACES, LENGTHS, PLACES, LENGTHS)
def test_it_proves_no_other_range(first: int, length: int, other: int, size: int) -> None:
    first, stop = within_a_block(first, length)
    other, end = within_a_block(other, size)
    assert is_valid(KEY, other, end, made(first, stop)) is ((first, stop) == (other, end))


def test_the_neighbour_of_a_known_job_is_not_proved() -> None:
    assert not is_valid(KEY, 8, 9, made(7, 8))
    assert not is_valid(KEY, 7, 9, made(7, 8))


def test_a_part_of_a_proved_range_is_not_proved_by_the_same_bytes() -> None:
    assert not is_valid(KEY, 8, 9, made(7, 20))


def derived(*ranges: tuple[int, int]) -> tuple[bytes, list[int]]:
    """The capability of the last of these ranges, and what it was derived along."""
    capability = made(*ranges[0])
    for each in ranges[1:]:
        capability = capability_of(capability, *each)
    return capability, [bound for each in ranges[:-1] for bound in each]


def test_who_knows_a_whole_can_make_what_proves_its_parts() -> None:
    assert is_valid(KEY, 8, 9, *derived((7, 20), (8, 9)))
    assert is_valid(KEY, 8, 9, *derived((7, 20), (8, 12), (8, 9)))
    assert is_valid(KEY, 7, 20, *derived((7, 20), (7, 20)))


def test_a_part_proves_neither_the_whole_nor_its_neighbours() -> None:
    capability, wholes = derived((7, 20), (8, 9))
    assert not is_valid(KEY, 7, 20, capability)
    assert not is_valid(KEY, 8, 9, capability)
    assert not is_valid(KEY, 9, 10, capability, wholes)
    assert not is_valid(KEY, 9, 10, capability_of(capability, 9, 10), [*wholes, 8, 9])


@pytest.mark.parametrize(
    "ranges",
    [
        [(7, 20), (6, 8)],
        [(7, 20), (19, 21)],
        [(7, 20), (30, 31)],
        [(7, 20), (9, 9)],
        [(1, JIDS_PER_BLOCK + 2), (3, 4)],
    ],
    ids=["begins before", "ends behind", "elsewhere", "empty", "over the border of two blocks"],
)
def test_what_is_no_part_is_not_proved(ranges: list[tuple[int, int]]) -> None:
    capability, wholes = derived(*ranges)
    assert not is_valid(KEY, *ranges[-1], capability, wholes)


def test_a_capability_is_derived_only_so_often() -> None:
    often = [(1, 100)] * (MAX_WHOLES + 1)
    assert is_valid(KEY, 1, 100, *derived(*often))
    assert not is_valid(KEY, 1, 100, *derived(*often, (1, 100)))


def test_half_a_range_proves_nothing() -> None:
    capability, wholes = derived((7, 20), (8, 9))
    assert not is_valid(KEY, 8, 9, capability, wholes[:1])


def test_masters_are_told_apart_without_their_keys() -> None:
    assert origin_of(KEY) == origin_of(KEY)
    assert origin_of(KEY) != origin_of(b"another key")
    assert len(origin_of(KEY)) == SIZE


def test_another_masters_capability_proves_nothing() -> None:
    assert not is_valid(KEY, 7, 8, made(7, 8, b"another key"))


def test_jobs_of_one_block_share_its_secret_and_those_of_two_do_not() -> None:
    assert block_secret(KEY, 1) == block_secret(KEY, JIDS_PER_BLOCK)
    assert block_secret(KEY, 1) != block_secret(KEY, JIDS_PER_BLOCK + 1)


def test_a_capability_has_128_bits() -> None:
    assert len(made(1, 2)) == SIZE == 16


@pytest.mark.parametrize(
    ("first", "stop"),
    [(0, 1), (2, 2), (3, 2), (JIDS_PER_BLOCK, JIDS_PER_BLOCK + 2)],
    ids=["no such job", "empty", "backwards", "over the border of two blocks"],
)
def test_a_range_that_no_session_can_have_is_never_proved(first: int, stop: int) -> None:
    assert not is_valid(KEY, first, stop, made(max(first, 1), stop))


@pytest.mark.parametrize("capability", [b"", b"short", b"x" * 16, b"x" * 4096])
def test_nonsense_proves_nothing(capability: bytes) -> None:
    assert not is_valid(KEY, 7, 8, capability)
