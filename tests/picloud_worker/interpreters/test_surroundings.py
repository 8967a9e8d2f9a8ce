"""The next job finds its directory, variables and signals as the last one found them."""

from typing import Any

import pytest

from picloud_worker.interpreters.settings import VARIABLES
from picloud_worker.pipe.messages import Dirty


async def all_results(bench: Any, sequences: list[int]) -> list[Any]:
    return [await bench.result(sequence) for sequence in sequences]


@pytest.mark.parametrize(
    "how", ["mkdir('x')", "symlink('/', 'x')", "mknod('x')", "makedirs('a/b')"]
)
async def test_jobs_of_one_batch_see_no_file_of_each_other(bench: Any, how: str) -> None:
    def job(how: str) -> list[str]:
        import os

        found = os.listdir()
        exec(f"os.{how}", {"os": os})
        return found

    assert await all_results(bench, bench.submit(job, *[(how,)] * 300)) == [[]] * 300


async def test_jobs_of_one_batch_may_each_delete_or_close_their_directory(bench: Any) -> None:
    def job(number: int) -> list[str]:
        import os

        found = os.listdir()
        if number % 2:
            os.rmdir(os.getcwd())
        else:
            os.mkdir("x", 0)
            os.chmod(".", 0)
        return found

    assert await all_results(bench, bench.submit(job, *zip(range(50)))) == [[]] * 50


async def test_jobs_of_one_batch_see_no_variable_of_each_other(bench: Any) -> None:
    def job(number: int) -> tuple[Any, Any, int]:
        import os
        import subprocess

        seen = os.environ.get("PATH"), os.environ.get("OF_A_JOB"), len(os.environ)
        if number == 2:
            vars(os)["environ"] = {"replaced": "yes"}
        elif number == 4:
            os.environ.clear()
        elif number == 6:
            seen = (*seen[:2], len(subprocess.check_output(["env"]).splitlines()))
        os.environ["PATH"] = "/nowhere"
        os.environ["OF_A_JOB"] = "1"
        return seen

    found = await all_results(bench, bench.submit(job, *zip(range(8))))
    assert found == found[:1] * 8
    assert found[0][1] is None


def test_jobs_may_know_where_the_state_is() -> None:
    assert "PICLOUD_STATE_DIR" in VARIABLES


async def test_all_signals_the_mask_and_all_timers_are_put_back(bench: Any) -> None:
    def spoil() -> None:
        import contextlib
        import signal

        for number in signal.valid_signals():
            with contextlib.suppress(OSError):
                signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0.1, 0.1)

    def look() -> Any:
        import signal

        timers = signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF
        return (
            [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
            signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            [signal.getitimer(timer) for timer in timers],
        )

    before = await bench.call(look)
    await bench.call(spoil)
    assert await bench.call(look) == before


async def test_a_subprocess_after_a_job_that_ignored_sigchld_has_a_status(bench: Any) -> None:
    def spoil() -> None:
        import signal

        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def fail_in_child() -> int:
        import subprocess

        return subprocess.run(["false"], check=False).returncode

    await bench.call(spoil)
    assert await bench.call(fail_in_child) == 1


async def test_a_signal_that_a_job_has_kept_waiting_ends_nothing(bench: Any) -> None:
    def job() -> int:
        import os
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        return os.getpid()

    assert await bench.call(job) == await bench.call(job)
    assert bench.exits == {}


async def test_crashes_are_explained_even_after_a_job_that_caught_them(bench: Any) -> None:
    def catch() -> None:
        import signal

        signal.signal(signal.SIGSEGV, lambda *_: None)

    def crash() -> None:
        import ctypes

        ctypes.string_at(0)

    await bench.call(catch)
    bench.submit(crash)
    event = await bench.exited()
    assert event.exit.signal == 11
    assert "Segmentation fault" in event.output.stderr


@pytest.mark.parametrize(
    ("how", "leftovers"),
    [
        ("sys.modules.clear()", "and"),
        ("del sys.modules['pickle'], sys.modules['re']", "re"),
        ("sys.modules['pickle'] = None", "pickle"),
        ("class Same:\n def __eq__(self, _): return True\nsys.modules['re'] = Same()", "re"),
        ("name, last = sys.modules.popitem(); sys.modules['other'] = last", "without"),
        ("sys.modules = dict(sys.modules)", "another sys.modules"),
    ],
)
async def test_a_job_that_takes_modules_away_makes_the_interpreter_dirty(
    bench: Any, how: str, leftovers: str
) -> None:
    def job(how: str) -> str:
        import sys

        exec(how, {"sys": sys})
        return "result"

    assert await bench.call(job, how) == "result"
    (dirty,) = await bench.until(lambda: bench.messages(Dirty))
    assert "sys.modules" in dirty.leftovers
    assert leftovers in dirty.leftovers


async def test_jobs_may_load_their_own_modules_afresh(bench: Any) -> None:
    def job() -> None:
        import sys
        import wave  # noqa: F401 - loaded to be removed

        del sys.modules["wave"]

    for _ in range(3):
        await bench.call(job)
    assert bench.messages(Dirty) == []
