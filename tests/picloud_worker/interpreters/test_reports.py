"""When results are sent: those of longer jobs wait for company, and for that only."""

import os
from pathlib import Path
from typing import Any

from picloud_worker.pipe.messages import Returned


def longer_jobs() -> Any:
    """A function whose calls count as long ones. It travels by value, as it is made in here."""

    def job(report_after: float, go: str = "") -> int:
        import os
        import time

        from picloud_worker.interpreter import loop

        loop.LOOK_AFTER, loop.REPORT_AFTER = 0.0, report_after
        while go and not os.path.exists(go):
            time.sleep(0.01)
        return os.umask(0o777)

    return job


async def test_results_wait_for_those_that_follow(bench: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    *first, last = bench.submit(longer_jobs(), (3600,), (3600,), (3600, str(go)))
    await bench.is_running(last)
    assert bench.results() == {}
    go.touch()
    await bench.result(last)
    returned = bench.messages(Returned)[0]
    assert returned.sequences[:2] == first


async def test_results_wait_for_those_that_have_come_meanwhile(bench: Any, tmp_path: Path) -> None:
    (first,) = bench.submit(longer_jobs(), (3600, str(tmp_path / "first")))
    await bench.is_running(first)
    (last,) = bench.submit(None, (3600, str(tmp_path / "last")))
    (tmp_path / "first").touch()
    await bench.is_running(last)
    assert bench.results() == {}
    (tmp_path / "last").touch()
    await bench.result(last)
    await bench.result(first)


async def test_results_that_have_waited_are_sent_before_the_next_job_begins(
    bench: Any, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first, second, last = bench.submit(longer_jobs(), (0,), (0,), (0, str(go)))
    await bench.result(first)
    await bench.result(second)
    await bench.is_running(last)
    go.touch()
    await bench.result(last)


async def test_results_do_not_wait_for_a_job_of_another_kind(bench: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first, second = bench.submit(longer_jobs(), (3600, str(go)), (3600,))
    (last,) = bench.submit(longer_jobs(), (3600, str(tmp_path / "last")))
    await bench.is_running(first)
    go.touch()
    await bench.is_running(last)
    await bench.result(first)
    await bench.result(second)
    (tmp_path / "last").touch()
    await bench.result(last)


async def test_what_a_job_has_changed_is_put_back_though_its_result_waits(bench: Any) -> None:
    before = os.umask(0)
    os.umask(before)
    sequences = bench.submit(longer_jobs(), (3600,), (3600,), (3600,))
    assert [await bench.result(each) for each in sequences] == [before] * 3
