import asyncio

from picloud.aio.driver import Driver
from tests.support.clock import on_virtual_time


class Core:
    """Keeps the turns that it was given; fails when it is told to."""

    def __init__(self) -> None:
        self.turns: list[list[object]] = []
        self.failures: list[BaseException] = []
        self.driver: Driver[object] = Driver(self.turn, self.failures.append)

    def turn(self, events: list[object]) -> None:
        self.turns.append(events)
        if "again" in events:
            self.driver.post("more")
        if "fail" in events:
            raise ZeroDivisionError


async def settle() -> None:
    """Let everything happen that is due."""
    await asyncio.sleep(0.001)


@on_virtual_time
async def test_events_of_one_loop_turn_are_handled_together_in_order() -> None:
    core = Core()
    for event in (1, 2, 3):
        core.driver.post(event)
    assert core.turns == []
    await settle()
    assert core.turns == [[1, 2, 3]]


@on_virtual_time
async def test_events_of_another_loop_turn_are_another_turn() -> None:
    core = Core()
    core.driver.post(1)
    await settle()
    core.driver.post(2)
    await settle()
    assert core.turns == [[1], [2]]


@on_virtual_time
async def test_an_event_posted_during_a_turn_waits_for_the_next() -> None:
    core = Core()
    core.driver.post("again")
    await settle()
    assert core.turns == [["again"], ["more"]]


@on_virtual_time
async def test_no_turn_without_events() -> None:
    core = Core()
    await settle()
    assert core.turns == []


@on_virtual_time
async def test_a_failing_core_is_reported_once_and_given_nothing_more() -> None:
    core = Core()
    core.driver.post("fail")
    await settle()
    core.driver.post("fail")
    core.driver.post("other")
    await settle()
    assert [type(error) for error in core.failures] == [ZeroDivisionError]
    assert core.turns == [["fail"]]
