"""What a job does, and what is reported of it."""

import functools
from typing import Any

import pytest

from picloud.code import values
from picloud.code.exceptions.rebuilding import rebuild
from picloud.protocol.failures import FailureKind
from picloud_worker.interpreter.control import EXIT_UNREPORTABLE
from picloud_worker.interpreters.process import HUNG_UP


async def test_a_result_comes_back(bench: Any) -> None:
    assert await bench.call(lambda a, b: a + b, 2, 3) == 5


async def test_many_calls_of_one_frame_come_back_in_order(bench: Any) -> None:
    sequences = bench.submit(lambda n: n * n, *[(n,) for n in range(5000)])
    await bench.result(sequences[-1])
    assert list(bench.results()) == sequences


async def test_an_exception_is_a_failure_with_its_class_and_its_traceback(bench: Any) -> None:
    def job() -> None:
        raise ValueError("no good")

    failure = await bench.fail(job)
    assert (failure.kind, failure.message) == (FailureKind.EXCEPTION, "ValueError: no good")
    assert "test_outcomes.py" in failure.traceback
    assert "raise ValueError" in failure.traceback
    assert "execution.py" not in failure.traceback
    assert rebuild(failure.exception).args == ("no good",)


async def test_an_exception_of_a_class_of_the_client_comes_back_as_that_class(bench: Any) -> None:
    class RefusedError(Exception):
        def __init__(self, code: int, reason: str) -> None:
            super().__init__(f"{reason} ({code})")
            self.code = code

    def job() -> None:
        raise RefusedError(4, "closed")

    back = rebuild((await bench.fail(job)).exception)
    assert type(back) is RefusedError
    assert (back.code, str(back)) == (4, "closed (4)")


async def test_results_and_failures_keep_their_order(bench: Any) -> None:
    sequences = bench.submit(lambda n: 12 // n, (3,), (0,), (4,))
    await bench.result(sequences[2])
    kinds = [type(each).__name__ for _, each in bench.said]
    outcomes = [kind for kind in kinds if kind not in ("Wrote", "Used")]
    assert outcomes == ["Returned", "Raised", "Returned"]


@pytest.mark.parametrize(
    ("code", "text"),
    [(3, "sys.exit(3)"), ("so long", "sys.exit('so long')"), (None, "sys.exit()")],
)
async def test_sys_exit_is_an_outcome(bench: Any, code: object, text: str) -> None:
    def job() -> None:
        raise SystemExit(code)

    failure = await bench.fail(job)
    assert (failure.kind, failure.message) == (FailureKind.EXIT, f"the job called {text}")
    assert await bench.call(lambda: "next") == "next"


async def test_a_keyboard_interrupt_of_the_job_is_its_exception(bench: Any) -> None:
    def job() -> None:
        raise KeyboardInterrupt

    failure = await bench.fail(job)
    assert (failure.kind, failure.message) == (FailureKind.EXCEPTION, "KeyboardInterrupt")


async def test_endless_recursion_is_an_exception(bench: Any) -> None:
    def job(n: int) -> Any:
        return job(n + 1)

    assert (await bench.fail(job, 0)).message.startswith("RecursionError")
    assert await bench.call(lambda: 1) == 1


async def test_a_coroutine_function_is_awaited(bench: Any) -> None:
    async def job(n: int) -> int:
        import asyncio

        await asyncio.sleep(0)
        return n + 1

    assert await bench.call(job, 1) == 2
    assert await bench.call(functools.partial(job, 2)) == 3
    assert await bench.call(lambda: job(3)) == 4


async def test_an_interpreter_has_no_asyncio_until_a_job_needs_it(bench: Any) -> None:
    def job() -> list[str]:
        import sys

        return sorted({"asyncio", "aiohttp", "uvloop"} & set(sys.modules))

    assert await bench.call(job) == []


async def test_a_generator_cannot_be_sent_and_is_named(bench: Any) -> None:
    failure = await bench.fail(lambda: (n for n in range(3)))
    assert failure.kind is FailureKind.SERIALIZATION
    assert "generator" in failure.message


async def test_a_result_over_the_limit_is_refused(bench: Any) -> None:
    failure = await bench.fail(lambda: bytes(65 << 20))
    assert failure.kind is FailureKind.SERIALIZATION
    assert "65 MB" in failure.message


async def test_a_result_of_the_largest_size_comes_back(bench: Any) -> None:
    assert len(await bench.call(lambda: bytes((64 << 20) - 100))) == (64 << 20) - 100


async def test_a_function_of_another_python_is_refused(bench: Any) -> None:
    failure = await bench.fail(lambda: 1, python="3.8")
    assert failure.kind is FailureKind.SERIALIZATION
    assert "Python 3.8" in failure.message


async def test_an_argument_whose_module_is_missing_is_named(bench: Any) -> None:
    class Foreign:
        def __reduce__(self) -> Any:
            return (__import__, ("no_such_module",))

    failure = await bench.fail(lambda a: a, Foreign())
    assert failure.kind is FailureKind.SERIALIZATION
    assert "no module 'no_such_module'" in failure.message


async def test_a_function_that_cannot_be_read_is_a_failure(bench: Any) -> None:
    class Foreign:
        def __reduce__(self) -> Any:
            return (__import__, ("no_such_module",))

    failure = await bench.fail(Foreign())
    assert failure.message.startswith("the function cannot be read")


async def test_variables_are_set_while_the_job_runs_and_no_longer(bench: Any) -> None:
    def job() -> Any:
        import os

        return os.environ.get("COLOUR")

    assert await bench.call(job, os_env={"COLOUR": "red"}) == "red"
    assert await bench.call(job) is None


async def test_a_job_over_its_memory_limit_fails_and_the_next_may_use_more(bench: Any) -> None:
    failure = await bench.fail(lambda: len(bytearray(300 << 20)), memory=100)
    assert failure.kind is FailureKind.MEMORY
    assert failure.message == "the job went over its memory limit of 100 MB"
    assert await bench.call(lambda: len(bytearray(300 << 20))) == 300 << 20


async def test_a_memory_limit_beyond_all_memory_is_no_limit(bench: Any) -> None:
    for megabytes in (1 << 43, 1 << 60):
        assert await bench.call(lambda: len(bytearray(1 << 20)), memory=megabytes) == 1 << 20


async def test_a_job_that_fills_its_memory_bit_by_bit_is_told_so(bench: Any) -> None:
    def job() -> None:
        kept = []
        while True:
            kept.append("x" * 100 + str(len(kept)))

    assert (await bench.fail(job, memory=50)).kind is FailureKind.MEMORY


async def test_os_exit_ends_the_interpreter_with_its_status(bench: Any) -> None:
    def job() -> None:
        import os

        os._exit(5)

    (sequence,) = bench.submit(job)
    event = await bench.exited()
    assert (event.exit.code, event.running) == (5, sequence)


async def test_a_segfault_ends_the_interpreter_by_a_signal_and_leaves_a_trace(bench: Any) -> None:
    def job() -> None:
        import ctypes

        ctypes.string_at(0)

    (sequence,) = bench.submit(job)
    event = await bench.exited()
    assert (event.exit.code, event.exit.signal, event.running) == (None, 11, sequence)
    assert "Segmentation fault" in event.output.stderr


async def test_a_job_that_kills_its_process_was_not_out_of_memory(bench: Any) -> None:
    def job() -> None:
        import os

        os.kill(os.getpid(), 9)

    bench.submit(job)
    exit_ = (await bench.exited()).exit
    assert (exit_.signal, exit_.out_of_memory) == (9, False)


@pytest.mark.parametrize("seconds", [0, 1000], ids=["returns", "goes on"])
async def test_a_job_that_closes_every_descriptor_ends_its_interpreter(
    bench: Any, seconds: int
) -> None:
    def job(seconds: int) -> None:
        import os
        import time

        os.closerange(0, 1000)
        time.sleep(seconds)

    (sequence,) = bench.submit(job, (seconds,))
    event = await bench.exited()
    assert (event.exit.text, event.running) == (HUNG_UP, sequence)
    assert event.exit.code == EXIT_UNREPORTABLE  # so it did start, and others may have finished


async def test_a_job_that_replaces_our_descriptors_is_told_so(bench: Any) -> None:
    def job() -> None:
        import os

        os.closerange(3, 1000)
        for _ in range(30):
            os.open(os.devnull, os.O_RDWR)

    bench.submit(job)
    assert (await bench.exited()).exit.text == HUNG_UP


async def test_an_exit_status_of_a_job_is_not_taken_for_ours(bench: Any) -> None:
    def job() -> None:
        import os

        os._exit(70)

    bench.submit(job)
    exit_ = (await bench.exited()).exit
    assert (exit_.code, exit_.text) == (EXIT_UNREPORTABLE, "")


async def test_a_child_that_comes_out_of_a_forked_job_reports_nothing(bench: Any) -> None:
    def job() -> int:
        import os

        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return pid

    assert await bench.call(job) > 0
    assert await bench.call(lambda: "next") == "next"
    assert len(bench.results()) == 2


async def test_bytes_that_are_no_frame_end_the_interpreter(bench: Any) -> None:
    def job() -> None:
        import os
        import socket
        import stat

        for fd in range(3, 100):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    socket.socket(fileno=fd).sendall(b"\xff" * 100)
            except OSError:
                continue

    bench.submit(job)
    event = await bench.exited()
    assert "no interpreter of ours sends" in event.exit.text


@pytest.mark.parametrize("size", [1, 1 << 20], ids=["small", "large"])
async def test_what_has_finished_before_a_crash_is_reported_once_it_is_over(
    bench: Any, size: int
) -> None:
    def job(n: int, size: int) -> bytes:
        if n == 2:
            raise ValueError("raised")
        if n == 8:
            import ctypes

            ctypes.string_at(0)
        return bytes(size)

    sequences = bench.submit(job, *[(n, size) for n in range(10)])
    event = await bench.exited()
    assert event.running == sequences[8]
    assert set(bench.results()) == set(sequences[:8]) - {sequences[2]}
    assert set(bench.results().values()) == {values.dumps(bytes(size))}
    assert bench.failures()[sequences[2]].message == "ValueError: raised"
