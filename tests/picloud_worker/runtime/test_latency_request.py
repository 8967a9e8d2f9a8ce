"""Requests for awake processors, written to a file that stands in the place of the device."""

import asyncio
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import uvloop

from picloud_worker.runtime.latency_request import ANY, AWAKE, DEVICE, HOLD, LatencyRequest
from tests.support.clock import on_virtual_time


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "cpu_dma_latency"
    path.touch()
    return path


def asked(device: Path) -> list[bytes]:
    """What was written, in order: four bytes each time."""
    return [struct.pack("i", number) for (number,) in struct.iter_unpack("i", device.read_bytes())]


def is_open(device: Path) -> bool:
    """Whether this process has it open."""
    return any(each.resolve() == device for each in Path("/proc/self/fd").iterdir())


@on_virtual_time
async def test_nothing_is_asked_for_before_there_is_news(device: Path) -> None:
    request = LatencyRequest(device)
    await asyncio.sleep(10 * HOLD)
    assert asked(device) == []
    request.close()


@on_virtual_time
async def test_the_request_ends_a_moment_after_the_last_news(device: Path) -> None:
    request = LatencyRequest(device)
    for _ in range(5):
        request.renew()
        await asyncio.sleep(0.9 * HOLD)
    assert asked(device) == [AWAKE]
    await asyncio.sleep(HOLD)
    assert asked(device) == [AWAKE, ANY]
    request.close()
    assert asked(device) == [AWAKE, ANY, ANY]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_loop_is_not_kept_busy_until_the_moment_has_come(run: Any, device: Path) -> None:
    """uvloop knows whole milliseconds only: a part of one is no delay at all there."""
    looks = 0

    class Watched(LatencyRequest):
        taken_back = asyncio.Event()

        def _look(self) -> None:
            nonlocal looks
            looks += 1
            super()._look()

        def _say(self, word: bytes) -> bool:
            if word == ANY:
                self.taken_back.set()
            return super()._say(word)

    async def main() -> None:
        request = Watched(device)
        for _ in range(20):
            request.renew()
            request.taken_back.clear()
            await request.taken_back.wait()
        request.close()

    run(main())
    assert looks <= 2 * 20


@on_virtual_time
async def test_it_is_made_again_with_the_next_news(device: Path) -> None:
    request = LatencyRequest(device)
    for _ in range(2):
        request.renew()
        await asyncio.sleep(3 * HOLD)
    assert asked(device) == [AWAKE, ANY, AWAKE, ANY]
    request.close()


@on_virtual_time
async def test_one_that_is_closed_takes_it_back_and_asks_for_nothing_more(device: Path) -> None:
    request = LatencyRequest(device)
    request.renew()
    request.close()
    request.renew()
    await asyncio.sleep(3 * HOLD)
    assert asked(device) == [AWAKE, ANY]


@on_virtual_time
async def test_without_the_device_or_the_permission_nothing_happens(tmp_path: Path) -> None:
    for place in (tmp_path / "missing", tmp_path):  # nobody may write to a directory
        request = LatencyRequest(place)
        request.renew()
        await asyncio.sleep(3 * HOLD)
        request.close()
    assert os.listdir(tmp_path) == []


@on_virtual_time
async def test_nothing_happens_either_where_writing_fails() -> None:
    full = Path("/dev/full")
    request = LatencyRequest(full)
    assert is_open(full)
    request.renew()
    await asyncio.sleep(3 * HOLD)
    request.renew()
    assert not is_open(full)
    request.close()


def test_the_device_and_its_words_are_those_of_linux() -> None:
    assert str(DEVICE) == "/dev/cpu_dma_latency"
    assert [struct.unpack("i", word) for word in (AWAKE, ANY)] == [(0,), (2_000_000_000,)]
