"""A capability proves a range of jobs, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol.capabilities import SIZE, block_secret, capability_of, is_valid
from picloud.protocol.limits import JIDS_PER_BLOCK

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
