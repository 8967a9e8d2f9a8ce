"""Where a pool can live, and what it does when the machine has nothing left to give."""

import asyncio
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import uvloop

from picloud.code import values
from picloud_worker.core.events import InterpreterSaid, Output
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.pipe.messages import Discard, Prepare, Returned, RunAttempts

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_pool_lives_in_a_thread_of_any_program(tmp_path: Path, run: Any) -> None:
    results: list[Any] = []

    async def use() -> None:
        said = asyncio.Event()

        def on_event(event: Any) -> None:
            assert isinstance(event, InterpreterSaid)
            results.extend(event.messages)
            said.set()

        pool = Interpreters(InterpreterSettings(str(tmp_path), sys.path), on_event)
        pool.spawn()
        await pool.start()
        pool.start_interpreter(1)
        code, payload = values.dumps(lambda: 5), values.dumps(((), {}))
        pool.send(1, [Prepare(1, code, PYTHON, 0, None), RunAttempts(1, [7], [payload])])
        async with asyncio.timeout(20):
            await said.wait()
        await pool.close()

    thread = threading.Thread(target=lambda: run(use()))
    thread.start()
    thread.join()
    (returned,) = results
    assert isinstance(returned, Returned)
    assert (returned.sequences, returned.results) == ([7], [values.dumps(5)])


async def test_an_interpreter_that_does_not_exist_says_nothing(bench: Any) -> None:
    bench.pool.send(9, [Discard(1)])
    bench.pool.recall(9)
    bench.pool.kill(9)
    assert (bench.pool.running(9), bench.pool.output(9)) == (0, Output())
    assert await bench.call(lambda: 1) == 1


async def test_a_lack_of_descriptors_is_reported_as_an_end(bench: Any) -> None:
    await bench.call(lambda: 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 2, hard))
    try:
        bench.pool.start_interpreter(2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "cannot be started" in (await bench.exited(2)).exit.text
    assert len(os.listdir("/proc/self/fd")) == before


async def test_ended_interpreters_leave_no_descriptors(bench: Any) -> None:
    await bench.call(lambda: 1)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(2, 20):
        bench.pool.start_interpreter(number)
    for number in range(2, 20):
        bench.pool.kill(number)
    for number in range(2, 20):
        await bench.exited(number)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_frame_larger_than_the_pipe_is_sent_in_parts_and_in_order(bench: Any) -> None:
    large = bytes(20 << 20)
    first = bench.submit(len, (large,))
    second = bench.submit(lambda: "small")
    assert await bench.result(second[0]) == "small"
    assert await bench.result(first[0]) == len(large)
    assert list(bench.results()) == [*first, *second]


async def test_a_discarded_spec_may_still_have_attempts(bench: Any) -> None:
    sequences = bench.submit(lambda n: n, (1,), (2,))
    bench.pool.send(1, [Discard(1)])
    assert await bench.result(sequences[1]) == 2


async def test_closing_starts_no_thread_and_leaves_nothing(tmp_path: Path, bench: Any) -> None:
    def litter() -> None:
        import os
        from pathlib import Path

        Path("file").write_text("text")
        os.makedirs("a/b")
        os._exit(1)

    def stay() -> None:
        import time
        from pathlib import Path

        Path("file").write_text("text")
        time.sleep(1000)

    bench.pool.start_interpreter(2)
    (staying,) = bench.submit(stay, interpreter=2)
    await bench.is_running(staying, 2)
    bench.submit(litter)
    await bench.exited()
    names = [each.name for each in threading.enumerate() if "remove" not in each.name]
    await bench.pool.close()
    assert [each.name for each in threading.enumerate() if "remove" not in each.name] == names
    assert os.listdir(tmp_path) == []


async def test_the_directory_of_an_ended_interpreter_is_removed(tmp_path: Path, bench: Any) -> None:
    def end(files: int) -> None:
        import os

        for number in range(files):
            os.close(os.open(f"file{number}", os.O_CREAT))
        os._exit(1)

    bench.pool.start_interpreter(2)
    bench.submit(end, (0,))
    bench.submit(end, (100,), interpreter=2)
    await bench.exited(1)
    assert not (tmp_path / "interpreters" / "1").exists()
    await bench.exited(2)
    await bench.poll(lambda: not (tmp_path / "interpreters" / "2").exists())


async def test_who_closes_a_pool_can_be_cancelled_at_the_very_moment_of_its_end(
    tmp_path: Path,
) -> None:
    pool = Interpreters(InterpreterSettings(str(tmp_path), sys.path), print)
    pool.spawn()
    await pool.start()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)  # it waits now, so it hears of the end before this test does
    zygote = pool._zygotes.own._process
    assert zygote._gone is not None
    zygote._gone.add_done_callback(lambda _: closing.cancel())
    with pytest.raises(asyncio.CancelledError):
        await closing
    await pool.close()
