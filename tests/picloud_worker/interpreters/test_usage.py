"""What real attempts have used, and results that name jobs."""

from typing import Any

from picloud.protocol.failures import FailureKind
from picloud_worker.pipe.messages import Returned, Used


async def test_an_attempt_that_takes_a_while_is_measured_and_a_short_one_is_not(bench: Any) -> None:
    def job(seconds: float, *, name: str = "n") -> str:
        import time

        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return name

    short, long = bench.submit(job, (0.0,), (0.05,))
    await bench.result(long)
    (used,) = bench.messages(Used)
    assert used.sequence == long != short
    assert used.arguments == "0.05"
    assert 0.04 < used.user + used.system < 1.0
    assert used.profile == ""
    kinds = [type(each) for _, each in bench.said]
    assert kinds.index(Used) < len(kinds) - 1  # its end comes later


async def test_the_peak_of_memory_is_the_jobs_own_not_that_of_the_one_before(bench: Any) -> None:
    def job(megabytes: int) -> int:
        import time

        held = bytearray(megabytes << 20)
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            pass
        return len(held)

    for megabytes in (300, 0):
        await bench.result(*bench.submit(job, (megabytes,)))
    large, small = bench.messages(Used)
    assert small.peak < 200 << 20 < large.peak


async def test_the_peak_of_children_counts_for_the_job_that_started_them(bench: Any) -> None:
    def job(megabytes: int) -> None:
        import subprocess
        import sys

        subprocess.run([sys.executable, "-c", f"bytearray({megabytes} << 20)"], check=True)

    for megabytes in (300, 0):
        await bench.result(*bench.submit(job, (megabytes,)))
    large, small = bench.messages(Used)
    assert small.peak < 200 << 20 < large.peak


async def test_an_attempt_that_fails_is_measured_however_short(bench: Any) -> None:
    def job(text: str, code: int) -> None:
        raise ValueError(text)

    await bench.fail(job, "no", 3)
    (used,) = bench.messages(Used)
    assert used.arguments == "'no', 3"
    assert used.peak > 1 << 20


async def test_an_attempt_over_its_memory_limit_is_measured(bench: Any) -> None:
    failure = await bench.fail(lambda: bytearray(1 << 30), memory=50)
    assert failure.kind is FailureKind.MEMORY
    (used,) = bench.messages(Used)
    assert used.peak > 1 << 20


async def test_a_profiled_attempt_has_its_profile_however_short(bench: Any) -> None:
    async def job() -> int:
        return len(sorted(range(3)))

    assert await bench.call(job, profile=True) == 3
    (used,) = bench.messages(Used)
    assert "sorted" in used.profile


async def test_a_result_that_names_jobs_says_which(bench: Any) -> None:
    def job(first: int) -> "Any":
        class Handle:
            def __picloud_handles__(self) -> tuple[None, list[tuple[int, int]]]:
                return None, [(first, first + 2)]

            def __reduce__(self) -> tuple[object, ...]:
                return int, (first,)

        return [Handle()] if first else 0

    sequences = bench.submit(job, (0,), (4,), (0,))
    await bench.result(sequences[2])
    named = {
        sequence: handles
        for each in bench.messages(Returned)
        if each.handles is not None
        for sequence, handles in zip(each.sequences, each.handles, strict=True)
        if handles
    }
    assert named == {sequences[1]: [4, 6]}
    assert await bench.result(sequences[1]) == [4]


async def test_an_exception_that_names_jobs_says_which(bench: Any) -> None:
    def job() -> None:
        class Handle:
            def __picloud_handles__(self) -> tuple[None, list[tuple[int, int]]]:
                return None, [(4, 5)]

            def __reduce__(self) -> tuple[object, ...]:
                return int, (4,)

        raise ValueError(Handle())

    assert (await bench.fail(job)).handles == [4, 5]
