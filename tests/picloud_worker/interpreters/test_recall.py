"""A recall returns at once what has finished and what has not started."""

from pathlib import Path
from typing import Any

from picloud_worker.pipe.messages import GaveBack


async def test_a_recall_during_a_long_job_returns_the_finished_and_the_unstarted(
    bench: Any, tmp_path: Path
) -> None:
    def job(n: int, go: str) -> int:
        import os
        import time

        while n == 2 and not os.path.exists(go):
            time.sleep(0.01)
        return n

    go = tmp_path / "go"
    sequences = bench.submit(job, *[(n, str(go)) for n in range(6)])
    await bench.is_running(sequences[2])
    late = bench.submit(job, (9, str(go)))
    bench.pool.recall(1)
    (gave_back,) = await bench.until(lambda: bench.messages(GaveBack))
    assert set(bench.results()) == set(sequences[:2])
    assert gave_back.sequences == [*sequences[3:], *late]
    go.touch()
    assert await bench.result(sequences[2]) == 2
    assert await bench.call(lambda: "after") == "after"


async def test_a_recall_interrupts_a_pure_loop_only_for_a_moment(bench: Any) -> None:
    def job() -> int:
        import time

        end = time.monotonic() + 0.2
        rounds = 0
        while time.monotonic() < end:
            rounds += 1
        return rounds

    first, second = bench.submit(job, (), ())
    await bench.is_running(first)
    for _ in range(20):
        bench.pool.recall(1)
    await bench.until(lambda: bench.messages(GaveBack))
    assert await bench.result(first) > 0
    assert bench.messages(GaveBack)[0].sequences == [second]


async def test_a_sleeping_job_sleeps_on_after_a_recall(bench: Any) -> None:
    def job() -> float:
        import time

        begun = time.monotonic()
        time.sleep(0.3)
        return time.monotonic() - begun

    (sequence,) = bench.submit(job)
    await bench.is_running(sequence)
    bench.pool.recall(1)
    await bench.until(lambda: bench.messages(GaveBack))
    assert await bench.result(sequence) >= 0.3


async def test_an_idle_interpreter_answers_a_recall_with_nothing(bench: Any) -> None:
    await bench.call(lambda: 1)
    bench.pool.recall(1)
    (gave_back,) = await bench.until(lambda: bench.messages(GaveBack))
    assert gave_back.sequences == []
    assert await bench.call(lambda: 2) == 2


async def test_a_recall_before_the_interpreter_is_up_is_answered(bench: Any) -> None:
    sequences = bench.submit(lambda: 1, (), ())
    bench.pool.recall(1)
    (gave_back,) = await bench.until(lambda: bench.messages(GaveBack))
    assert set(gave_back.sequences) | set(bench.results()) == set(sequences)


async def test_recalls_at_any_moment_lose_and_repeat_nothing(bench: Any) -> None:
    wanted: set[int] = set()
    for _ in range(300):
        wanted.update(bench.submit(lambda n: n, *[(n,) for n in range(200)]))
        bench.pool.recall(1)
        if len(wanted) % 3000 == 0:
            last = bench.submit(lambda: 0)[0]
            wanted.add(last)
            await bench.until(lambda last=last: last in _accounted(bench))
    await bench.until(lambda: len(_accounted(bench)) >= len(wanted))
    assert sorted(_accounted(bench)) == sorted(wanted)


def _accounted(bench: Any) -> list[int]:
    returned = [s for each in bench.messages(GaveBack) for s in each.sequences]
    return [*bench.results(), *returned]


async def test_a_recall_does_not_disturb_a_job_at_the_bottom_of_its_recursion(bench: Any) -> None:
    def job() -> str:
        import sys
        import time

        def dig(depth: int) -> str:
            if depth:
                return dig(depth - 1)
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                pass
            return "up again"

        frame, depth = sys._getframe(), 0
        while frame:
            frame, depth = frame.f_back, depth + 1
        return dig(sys.getrecursionlimit() - depth - 5)

    first, second = bench.submit(job, (), ())
    await bench.is_running(first)
    bench.pool.recall(1)
    (gave_back,) = await bench.until(lambda: bench.messages(GaveBack))
    assert gave_back.sequences == [second]
    assert await bench.result(first) == "up again"
    assert await bench.call(lambda: __import__("sys").getrecursionlimit()) == 1000
