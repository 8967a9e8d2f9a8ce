from hypothesis import given
from hypothesis import strategies as st

from picloud_master.runtime.clock import SteadyClock
from tests.support.clock import Clock


def test_it_shows_the_wall_clock() -> None:
    wall = Clock(1_700_000_000.0)
    clock = SteadyClock(wall)
    assert clock.now() == 1_700_000_000.0
    wall.advance(5)
    assert clock.now() == 1_700_000_005.0


def test_it_stands_still_while_the_wall_clock_is_set_back() -> None:
    wall = Clock(100.0)
    clock = SteadyClock(wall)
    clock.now()
    wall.advance(-30)
    assert clock.now() == 100.0
    wall.advance(29)
    assert clock.now() == 100.0
    wall.advance(2)
    assert clock.now() == 101.0


@given(st.lists(st.floats(-1e6, 1e6)))
def test_it_never_goes_back(changes: list[float]) -> None:
    wall = Clock()
    clock = SteadyClock(wall)
    times = []
    for change in changes:
        wall.advance(change)
        times.append(clock.now())
    assert times == sorted(times)
