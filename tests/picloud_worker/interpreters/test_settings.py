"""How many jobs may wait for others, by the memory that there is."""

import pytest

from picloud_worker.interpreters import settings
from picloud_worker.interpreters.settings import (
    FEWEST_SLEEPERS,
    MORE_PER_CORE,
    MOST_SLEEPERS,
    max_sleepers,
)


def test_this_machine_has_memory() -> None:
    assert settings.available_memory() > 1 << 20


@pytest.mark.parametrize(
    ("available", "cores", "sleepers"),
    [
        (0, 8, FEWEST_SLEEPERS),
        (4 << 30, 8, 128),
        (1 << 50, 1, MOST_SLEEPERS + MORE_PER_CORE),
        (1 << 50, 64, MOST_SLEEPERS + 64 * MORE_PER_CORE),
    ],
)
def test_half_of_the_free_memory_is_for_sleepers_within_limits(
    available: int, cores: int, sleepers: int
) -> None:
    assert max_sleepers(available, cores) == sleepers
