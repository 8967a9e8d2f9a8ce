"""Interpreters and the store of their owner."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud.blobs.store import BlobStore
from picloud.code import values
from picloud.protocol.payloads import blobs_of, is_spilled
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.pipe.messages import Prepare, Returned, RunAttempts

cloudpickle.register_pickle_by_value(sys.modules[__name__])

LARGE = bytes(range(256)) * 4096
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(None, tmp_path / "store")


@pytest.fixture
def stored(bench: Any, store: BlobStore) -> Any:
    """Interpreter 2 has the store."""
    bench.pool.start_interpreter(2, b"", store)
    return bench


def reverse(data: bytes) -> bytes:
    return data[::-1]


def leave_files(directory: str) -> None:
    """End as one who was writing."""
    for name in (f"new/{os.getpid()}-x", f"new/{os.getpid()}1-x", f"read-by-{os.getpid()}/x"):
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("text")
    os._exit(3)


async def test_large_arguments_come_from_the_store_and_large_results_go_there(
    stored: Any, store: BlobStore
) -> None:
    pins = []

    def keep(data: bytes | memoryview) -> bytes:
        pins.append(store.put(data))
        return pins[-1].key

    payload = values.dumps(((LARGE,), {}), values.Notes(keep))
    prepare = Prepare(1, values.dumps(reverse), PYTHON, 0, None, False)
    stored.pool.send(2, [prepare, RunAttempts(1, [1], [payload])])
    result = await stored.until(lambda: stored.results().get(1))
    (returned,) = stored.messages(Returned, 2)
    assert returned.spilled
    assert is_spilled(result)
    (key,) = blobs_of(result)
    found = store.open(key)
    assert found is not None
    assert bytes(found) == LARGE[::-1]


async def test_without_a_store_values_stay_in_one_piece(bench: Any) -> None:
    (sequence,) = bench.submit(reverse, (LARGE,))
    result = await bench.until(lambda: bench.results().get(sequence))
    assert not is_spilled(result)
    assert values.loads(result) == LARGE[::-1]


async def test_what_an_interpreter_was_writing_goes_with_it(
    stored: Any, store: BlobStore, tmp_path: Path
) -> None:
    stored.submit(leave_files, (store.directories[0],), interpreter=2)
    event = await stored.exited(2)
    assert event.exit.code == 3
    await stored.poll(lambda: len(files_below(tmp_path / "store")) == 1)
    (left,) = files_below(tmp_path / "store")
    assert left.name.endswith("1-x")  # of another process


def files_below(directory: Path) -> list[Path]:
    return [each for each in directory.rglob("*") if each.is_file()]


async def test_a_zygote_that_is_closed_leaves_no_store_behind(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "memory", tmp_path / "disk")
    pool = Interpreters(InterpreterSettings(str(tmp_path), stores=list(store.directories)), print)
    pool.spawn()
    await pool.start()
    await pool.close()
    assert not (tmp_path / "memory").exists()
    assert not (tmp_path / "disk").exists()


async def test_a_zygote_that_is_killed_leaves_the_store_to_the_next_one(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "memory", tmp_path / "disk")
    ended = asyncio.Event()
    settings = InterpreterSettings(str(tmp_path), stores=list(store.directories))
    pool = Interpreters(settings, lambda _event: ended.set())
    pool.spawn()
    await pool.start()
    pool.start_interpreter(1)
    os.kill(pool._zygotes.own._process._process.pid, signal.SIGKILL)
    await asyncio.wait_for(ended.wait(), 20)
    assert (tmp_path / "memory").exists()
    await pool.close()
    assert not (tmp_path / "memory").exists()
