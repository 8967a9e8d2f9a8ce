"""What jobs write is kept, by attempt, and can be read while they run."""

import os
from pathlib import Path
from typing import Any

from picloud.protocol import limits
from picloud_worker.interpreter.trimming import free_head
from picloud_worker.pipe.messages import Returned, Wrote


async def test_what_a_job_writes_is_sent_before_its_end(bench: Any) -> None:
    def job() -> None:
        import logging
        import os
        import sys

        print("out", end="")
        print("err", file=sys.stderr)
        os.write(1, b" raw")
        logging.getLogger("mine").info("logged %d", 1)

    (sequence,) = bench.submit(job)
    await bench.result(sequence)
    first, second = (each for _, each in bench.said)
    assert (type(first), type(second)) == (Wrote, Returned)
    assert first.sequence == sequence
    assert sorted(first.stdout) == sorted("out raw")
    assert first.stderr == "err\n"
    assert "INFO mine: logged 1" in first.logging


async def test_each_job_has_its_own_output_and_silent_ones_have_none(bench: Any) -> None:
    sequences = bench.submit(lambda n: print(n) if n % 2 else None, (1,), (2,), (3,))
    await bench.result(sequences[-1])
    wrote = {sequence: each.stdout for sequence, each in bench.wrote().items()}
    assert wrote == {sequences[0]: "1\n", sequences[2]: "3\n"}


async def test_the_output_of_a_running_job_can_be_read(bench: Any, tmp_path: Path) -> None:
    def job(go: str) -> None:
        import os
        import time

        print("working")
        while not os.path.exists(go):
            time.sleep(0.01)

    go = tmp_path / "go"
    before, running = bench.submit(print, ("earlier",)) + bench.submit(job, (str(go),))
    await bench.is_running(running)
    await bench.poll(lambda: bench.pool.output(1).stdout)
    assert bench.pool.output(1).stdout == "working\n"
    go.touch()
    await bench.result(running)
    assert [bench.wrote()[each].stdout for each in (before, running)] == ["earlier\n", "working\n"]


async def test_what_a_dead_job_wrote_is_reported_with_its_end(bench: Any) -> None:
    def job() -> None:
        import os

        print("last words")
        os._exit(1)

    bench.submit(job)
    assert (await bench.exited()).output.stdout == "last words\n"


async def test_only_the_tail_of_much_output_is_sent(bench: Any) -> None:
    def job() -> None:
        for n in range(100_000):
            print(f"line {n} é")

    (sequence,) = bench.submit(job)
    await bench.result(sequence)
    text = bench.wrote()[sequence].stdout
    assert limits.OUTPUT_TAIL - 8 < len(text.encode()) <= limits.OUTPUT_TAIL
    assert text.endswith("line 99999 é\n")
    assert "\ufffd" not in text


async def test_a_file_that_has_grown_is_emptied_between_jobs(bench: Any) -> None:
    await bench.call(lambda: print("x" * (3 << 20)))
    await bench.call(lambda: print("next"))
    assert [each.stdout[-5:] for each in bench.wrote().values()] == ["xxxx\n", "next\n"]
    assert [memory_of(each) < 1 << 16 for each in bench.pool._processes[1].files] == [True] * 3


async def test_a_trim_that_comes_late_takes_nothing_of_the_next_job(
    bench: Any, tmp_path: Path
) -> None:
    def job(go: str) -> None:
        import os
        import time

        print("next")
        while not os.path.exists(go):
            time.sleep(0.01)

    await bench.call(lambda: print("x" * (9 << 20)))
    stdout = bench.pool._processes[1].files[0]
    tail_before = os.fstat(stdout).st_size - limits.OUTPUT_TAIL
    (sequence,) = bench.submit(job, (str(tmp_path / "go"),))
    await bench.poll(lambda: bench.pool.output(1).stdout == "next\n")
    free_head(stdout, tail_before)
    (tmp_path / "go").touch()
    await bench.result(sequence)
    assert bench.wrote()[sequence].stdout == "next\n"


async def test_what_is_written_after_the_file_was_emptied_is_kept(bench: Any) -> None:
    def job() -> None:
        import subprocess

        subprocess.run(["sh", "-c", "echo lost >&2; echo warning >/dev/stderr; echo more >&2"])

    for _ in range(3):
        await bench.call(lambda: print("x" * (3 << 20)))
        await bench.call(job)
    assert [each.stderr for each in bench.wrote().values()][1::2] == ["warning\nmore\n"] * 3
    assert [memory_of(each) < 1 << 16 for each in bench.pool._processes[1].files] == [True] * 3


async def test_a_hundred_megabytes_are_trimmed_while_the_job_runs(
    bench: Any, tmp_path: Path
) -> None:
    def job(half: str, go: str) -> None:
        import os
        import time

        for n in range(100):
            if n == 50:
                os.close(os.open(half, os.O_CREAT))
                while not os.path.exists(go):
                    time.sleep(0.01)
            print(f"{n:>1048575}")

    half, go = tmp_path / "half", tmp_path / "go"
    (sequence,) = bench.submit(job, (str(half), str(go)))
    await bench.poll(half.exists)
    stdout = bench.pool._processes[1].files[0]
    assert memory_of(stdout) > 40 << 20
    bench.pool.trim_outputs()
    assert memory_of(stdout) < 1 << 20
    assert bench.pool.output(1).stdout.endswith("49\n")
    go.touch()
    await bench.result(sequence)
    assert bench.wrote()[sequence].stdout.endswith("99\n")


def memory_of(descriptor: int) -> int:
    return os.fstat(descriptor).st_blocks * 512


async def test_a_job_may_close_replace_or_redirect_its_streams(bench: Any) -> None:
    def close() -> None:
        import os
        import sys

        sys.stdout.close()
        os.close(1)
        os.close(2)

    def replace() -> None:
        import io
        import logging
        import os
        import sys

        sys.stdout = io.StringIO()
        sys.stderr = None
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        logging.getLogger().handlers.clear()

    def write() -> None:
        import logging
        import os
        import sys

        print("out")
        print("err", file=sys.stderr)
        os.system("echo child")
        logging.getLogger().info("logged")

    for spoil in (close, replace):
        await bench.call(spoil)
        (sequence,) = bench.submit(write)
        await bench.result(sequence)
        wrote = bench.wrote()[sequence]
        assert (wrote.stdout, wrote.stderr) == ("out\nchild\n", "err\n")
        assert "logged" in wrote.logging


async def test_text_that_is_no_unicode_is_spelt_out(bench: Any) -> None:
    (sequence,) = bench.submit(lambda: print("\udc80"))
    await bench.result(sequence)
    assert bench.wrote()[sequence].stdout == "\\udc80\n"


async def test_standard_input_is_empty(bench: Any) -> None:
    def job() -> str:
        import sys

        return sys.stdin.read()

    assert await bench.call(job) == ""
