"""What waits behind a job that hears no signal can be taken from its interpreter."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud_worker.pipe.messages import GaveBack
from tests.support.processes import until

# Else a job would import this module from where it lies, and its interpreter would retire.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def deaf(go: str, payload: bytes = b"") -> None:
    """Block the signal of a recall, say so by a file, and wait until there is another one."""
    import os
    import signal
    import time

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
    open(f"{go}.deaf", "w").close()
    while not os.path.exists(go):
        time.sleep(0.005)


@pytest.mark.parametrize("recalled", [False, True])
async def test_a_job_busy_in_c_starts_nothing_more_once_it_is_revoked(
    bench: Any, recalled: bool
) -> None:
    def job(n: int) -> int:
        if n == 2:
            sum(range(2 * 10**7))
        return n

    sequences = bench.submit(job, *[(n,) for n in range(6)])
    await bench.is_running(sequences[2])
    if recalled:
        bench.pool.recall(1)
    bench.pool.revoke(1)
    assert bench.pool.running(1) == sequences[2]
    assert await bench.result(sequences[2]) == 2
    (gave_back,) = await bench.until(lambda: bench.messages(GaveBack))
    assert gave_back.sequences == sequences[3:]
    assert set(bench.results()) == set(sequences[:3])
    assert await bench.call(lambda: "after") == "after"
    await bench.is_running(0)


async def test_what_has_finished_is_reported_while_the_job_behind_it_goes_on(
    bench: Any, tmp_path: Path
) -> None:
    def job(n: int, go: str) -> int:
        if n == 1:
            print("printed")
        elif n == 2:
            raise ValueError("raised")
        elif n == 50:
            import os
            import signal
            import time

            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
            while not os.path.exists(go):
                time.sleep(0.005)
        return n

    await bench.call(lambda: 1)
    go = tmp_path / "go"
    before = bench.submit(job, *[(n, str(go)) for n in range(50)])
    (first, *others) = bench.submit(job, *[(n, str(go)) for n in range(50, 60)])
    await bench.is_running(first)
    bench.pool.revoke(1)
    bench.pool.revoke(1)
    await bench.until(lambda: set(before) - set(bench.results()) == {before[2]})
    assert bench.failures()[before[2]].message == "ValueError: raised"
    assert bench.wrote()[before[1]].stdout == "printed\n"
    assert await bench.result(before[49]) == 49
    assert first not in bench.results()
    go.touch()
    assert await bench.result(first) == 50
    assert [each.sequences for each in bench.messages(GaveBack)] == [others]


async def test_a_catastrophic_regex_keeps_nothing_back(bench: Any) -> None:
    def job(text: str) -> bool:
        import re

        return re.match(r"(a+)+$", text) is not None

    first, *others = bench.submit(job, ("a" * 22 + "b",), ("a",), ("b",))
    await bench.is_running(first)
    bench.pool.revoke(1)
    assert await bench.result(first) is False
    assert [each.sequences for each in bench.messages(GaveBack)] == [others]


async def test_what_was_revoked_is_given_back_no_later_than_the_next_result(
    bench: Any, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first, *others = bench.submit(deaf, (str(go),), (str(go),))
    await asyncio.to_thread(until, Path(f"{go}.deaf").exists, "it is deaf")
    bench.pool.recall(1)
    bench.pool.revoke(1)
    go.touch()
    await bench.result(first)
    kinds = [type(each).__name__ for _, each in bench.said]
    assert [kind for kind in kinds if kind != "Used"] == ["GaveBack", "Returned"]
    assert bench.said[0][1].sequences == others


async def test_after_a_deaf_job_recalls_are_heard_again(bench: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.touch()
    await bench.call(deaf, str(go))
    bench.pool.recall(1)
    assert await bench.until(lambda: bench.messages(GaveBack)) == [GaveBack([])]


async def test_what_the_pipe_does_not_hold_is_given_back_too(bench: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    (first,) = bench.submit(deaf, (str(go),))
    await bench.is_running(first)
    others = [bench.submit(deaf, (str(go), bytes(1 << 20)))[0] for _ in range(8)]
    bench.pool.revoke(1)
    go.touch()
    await bench.result(first)
    assert [each.sequences for each in bench.messages(GaveBack)] == [others]


async def test_revocations_at_any_moment_lose_and_repeat_nothing(bench: Any) -> None:
    wanted: list[int] = []

    def all_accounted() -> bool:
        return len(_accounted(bench)) >= len(wanted)

    for number in range(300):
        wanted.extend(bench.submit(lambda n: n, *[(n,) for n in range(200)]))
        if number % 3 == 0:
            bench.pool.recall(1)
        bench.pool.revoke(1)
        if number % 15 == 0:
            await bench.until(all_accounted)
    await bench.until(all_accounted)
    assert sorted(_accounted(bench)) == wanted
    await bench.is_running(0)


def _accounted(bench: Any) -> list[int]:
    returned = [s for each in bench.messages(GaveBack) for s in each.sequences]
    return [*bench.results(), *returned]


async def test_an_interpreter_that_does_not_exist_cannot_be_revoked(bench: Any) -> None:
    bench.pool.revoke(9)
    assert await bench.call(lambda: 1) == 1
