"""What a job does to all that its interpreter shares with the agent ends that one at most."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from picloud_worker.interpreter.control import RECALLED
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.pipe.frames import pack_frame
from picloud_worker.pipe.line import LINE, Heard
from picloud_worker.pipe.messages import PIPE, Discard


async def test_a_job_may_truncate_all_that_is_open(bench: Any) -> None:
    def job() -> int:
        import os

        refused = 0
        for each in os.listdir("/proc/self/fd"):
            try:
                os.ftruncate(int(each), 0)
            except OSError:
                refused += 1
        return refused

    assert await bench.call(job) > 0
    assert bench.pool.output(1).stdout == ""
    assert await bench.call(lambda: 5) == 5


@pytest.mark.parametrize(
    "frame",
    [pack_frame(PIPE.encode([Discard(1)])), pack_frame(LINE.encode([Heard(1, b"")]))],
    ids=["to the pipe", "to the line"],
)
async def test_what_only_agents_say_ends_the_interpreter_that_says_it(
    bench: Any, frame: bytes
) -> None:
    def job(frame: bytes) -> None:
        import contextlib
        import os
        import time

        for each in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/self/fd/{each}").startswith("socket:"):
                    os.write(int(each), frame)
        time.sleep(1000)

    bench.submit(job, (frame,))
    assert "no interpreter of ours" in (await bench.exited()).exit.text
    bench.pool.start_interpreter(2)
    assert await bench.call(lambda: 5, interpreter=2) == 5


async def test_a_job_may_write_what_it_likes_where_recalls_are_counted(
    bench: Any, tmp_path: Path
) -> None:
    def job(place: int, ready: str) -> None:
        import contextlib
        import os
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
        for each in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if "memfd:shared" in os.readlink(f"/proc/self/fd/{each}"):
                    os.pwrite(int(each), b"\xff" * 8, place)
        os.close(os.open(ready, os.O_CREAT))
        signal.sigwait({signal.SIGURG})

    ready = tmp_path / "ready"
    (sequence,) = bench.submit(job, (8 * RECALLED, str(ready)))
    await bench.poll(ready.exists)
    bench.pool.recall(1)
    assert await bench.result(sequence) is None


async def test_an_interpreter_that_cannot_be_started_is_told_so(bench: Any, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    settings = replace(bench.pool._settings, state_dir=str(tmp_path), executable=str(python))
    before, pool = bench.pool, Interpreters(settings, bench._on_event)
    bench.pool = pool
    pool.spawn()
    await pool.start()
    try:
        pool.start_interpreter(3)
        zygote = await bench.call(os.getppid, interpreter=3)
        python.unlink()
        os.kill(zygote, signal.SIGKILL)
        await bench.exited(3)
        pool.start_interpreter(4)
        assert "cannot be started" in (await bench.exited(4)).exit.text
        python.symlink_to(sys.executable)
        pool.start_interpreter(5)
        assert await bench.call(lambda: 5, interpreter=5) == 5
    finally:
        await pool.close()
        bench.pool = before
