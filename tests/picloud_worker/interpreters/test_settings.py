"""How many jobs may wait for others, by the memory that there is."""

import pytest

from picloud_worker.interpreters import settings
from picloud_worker.interpreters.settings import FEWEST_SLEEPERS, MOST_SLEEPERS, max_sleepers


def test_this_machine_has_memory() -> None:
    assert settings.available_memory() > 1 << 20


@pytest.mark.parametrize(
    ("available", "sleepers"),
    [(0, FEWEST_SLEEPERS), (16 << 30, 512), (1 << 50, MOST_SLEEPERS)],
)
def test_half_of_the_free_memory_is_for_sleepers_within_limits(
    available: int, sleepers: int
) -> None:
    assert max_sleepers(available) == sleepers
