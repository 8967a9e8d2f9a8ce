"""The kernel's alarm as a timer."""

import asyncio

from picloud_master.runtime.alarm import SHORTEST, Alarm
from tests.support.clock import on_virtual_time


def an_alarm(rung: list[float], now: float | None = None) -> Alarm:
    """One on the running loop's clock, or on one that stands still."""
    loop = asyncio.get_running_loop()
    clock = loop.time if now is None else lambda: now
    return Alarm(loop, clock, lambda: rung.append(loop.time()))


@on_virtual_time
async def test_it_rings_when_it_is_time() -> None:
    rung: list[float] = []
    start = asyncio.get_running_loop().time()
    an_alarm(rung).set(start + 30.0)
    await asyncio.sleep(29.0)
    assert rung == []
    await asyncio.sleep(2.0)
    assert rung == [start + 30.0]


@on_virtual_time
async def test_an_earlier_setting_is_forgotten() -> None:
    rung: list[float] = []
    start = asyncio.get_running_loop().time()
    alarm = an_alarm(rung)
    alarm.set(start + 30.0)
    alarm.set(start + 5.0)
    await asyncio.sleep(60.0)
    assert rung == [start + 5.0]


@on_virtual_time
async def test_it_never_rings_again_at_once() -> None:
    rung: list[float] = []
    start = asyncio.get_running_loop().time()
    an_alarm(rung, now=start).set(start)
    await asyncio.sleep(0)
    assert rung == []
    await asyncio.sleep(1.0)
    assert rung == [start + SHORTEST]


@on_virtual_time
async def test_a_cancelled_one_is_silent() -> None:
    rung: list[float] = []
    alarm = an_alarm(rung)
    alarm.set(asyncio.get_running_loop().time() + 5.0)
    alarm.cancel()
    alarm.cancel()
    await asyncio.sleep(10.0)
    assert rung == []
