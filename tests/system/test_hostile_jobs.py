"""Jobs that misbehave: the outcome is theirs alone, and the same session works on."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud import errors
from picloud.session import Session
from tests.support.processes import open_gate, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(autouse=True)
def _works_on(cloud: Session) -> Iterator[None]:
    """Whatever a job has done, ten others run, and find their surroundings in order."""
    before = cloud.map(abs, range(-5, 0))
    yield
    assert cloud.result(before, 30) == [5, 4, 3, 2, 1]
    assert cloud.result(cloud.map(abs, range(-10, 0)), 30) == list(range(10, 0, -1))


def failure(cloud: Session, function: Callable[..., Any], *args: Any, **how: Any) -> Any:
    """The error of a job that must fail, while its neighbours must not."""
    first, error, last = cloud.result(
        [cloud.call(abs, -1), cloud.call(function, *args, **how), cloud.call(abs, -2)],
        30,
        ignore_errors=True,
    )
    assert (first, last) == (1, 2)
    assert isinstance(error, errors.JobError)
    return error


# ---------------------------------------------------------------------- ends of the process


def test_a_segmentation_fault_is_named(cloud: Session) -> None:
    error = failure(cloud, lambda: ctypes.string_at(0))
    assert "SIGSEGV" in str(error)
    assert "segmentation fault" in str(error)
    assert error.status == "error"


def test_an_exit_past_python_tells_its_status(cloud: Session) -> None:
    assert "exit status 3" in str(failure(cloud, lambda: os._exit(3)))
    assert "exit status 0" in str(failure(cloud, lambda: os._exit(0)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGALRM])
def test_a_job_that_signals_itself_is_told_the_signal(
    cloud: Session, number: signal.Signals
) -> None:
    def signal_itself(number: int) -> None:
        os.kill(os.getpid(), number)
        time.sleep(20)

    error = failure(cloud, signal_itself, int(number))
    assert number.name in str(error)


def test_a_job_that_kills_its_process_group_kills_only_itself(cloud: Session) -> None:
    assert "SIGKILL" in str(failure(cloud, lambda: os.killpg(0, signal.SIGKILL)))


def test_a_job_that_ends_all_processes_is_lost_and_the_others_run_again(
    cloud: Session, gate: str, tmp_path: Path
) -> None:
    def end_all() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(20)

    def wait() -> str:
        (tmp_path / str(os.getpid())).touch()
        with open(gate) as reader:
            return reader.read()

    other = cloud.call(wait)
    until(lambda: len(list(tmp_path.iterdir())) == 2, "the other one runs")
    with pytest.raises(errors.WorkerLost, match="may have run"):
        cloud.result(cloud.call(end_all, _restartable=False), 30)
    until(lambda: len(list(tmp_path.iterdir())) == 3, "the other one runs again")
    open_gate(gate)
    assert cloud.result(other, 30) == ""
    assert cloud.info(other)[other]["attempts"] == 2


def test_a_job_that_ends_all_processes_each_time_is_not_started_for_ever(cloud: Session) -> None:
    def end_all() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(20)

    error = failure(cloud, end_all)
    assert isinstance(error, errors.WorkerLost)
    assert "started 4 times" in str(error)


def test_a_job_that_closes_all_descriptors_harms_only_itself(cloud: Session) -> None:
    def close() -> None:
        os.closerange(0, 1000)

    job = cloud.call(close)
    error = cloud.result(job, 30, ignore_errors=True)
    assert isinstance(error, errors.JobError)
    assert "closed the descriptors" in str(error)


def test_a_job_that_closes_the_standard_streams_ends_well(cloud: Session) -> None:
    def close() -> int:
        sys.stdout.close()
        sys.stderr.close()
        os.closerange(0, 3)
        return 5

    assert cloud.result(cloud.call(close), 30) == 5


def test_a_process_that_keeps_its_pipe_busy_with_rubbish_harms_only_itself(cloud: Session) -> None:
    def rubbish() -> None:
        for descriptor in range(3, 50):
            try:
                os.write(descriptor, b"\xff" * 100)
            except OSError:
                continue

    job = cloud.call(rubbish)
    cloud.join(job, 30, ignore_errors=True)
    assert cloud.status(job) in ("done", "error")


def test_endless_recursion_is_a_recursion_error(cloud: Session) -> None:
    def down(n: int) -> int:
        return down(n + 1)

    assert isinstance(failure(cloud, down, 0), RecursionError)


def test_recursion_without_a_limit_ends_the_job_only(cloud: Session) -> None:
    def deep() -> Any:
        sys.setrecursionlimit(10**9)
        nested: Any = []
        for _ in range(1_000_000):
            nested = [nested]
        return repr(nested)

    assert failure(cloud, deep) is not None


# ---------------------------------------------------------------------- limits


def test_a_job_over_its_memory_limit_is_told_so(cloud: Session) -> None:
    def grow() -> int:
        return len(bytearray(500 << 20))

    error = failure(cloud, grow, _memory=200)
    assert isinstance(error, errors.MemoryLimitExceeded)
    assert "200 MB" in str(error)


def test_a_job_under_its_memory_limit_is_left_alone(cloud: Session) -> None:
    assert cloud.result(cloud.call(lambda: len(bytearray(50 << 20)), _memory=200), 30) == 50 << 20


def test_a_memory_limit_beyond_all_memory_is_no_limit(cloud: Session) -> None:
    assert cloud.result(cloud.call(abs, -1, _memory=1 << 40), 30) == 1


def test_a_child_that_grows_over_the_limit_is_held_too(cloud: Session) -> None:
    def grow_in_child() -> int:
        import subprocess

        code = "len(bytearray(500 << 20))"
        return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode

    assert cloud.result(cloud.call(grow_in_child, _memory=200), 30) != 0


def busy() -> None:
    while True:
        pass


def asleep() -> None:
    time.sleep(60)


def busy_in_c() -> None:
    sum(range(10**12))


def deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGURG, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001 - it is as stubborn as can be
            continue


@pytest.mark.parametrize("function", [busy, asleep, busy_in_c, deaf], ids=lambda f: f.__name__)
def test_a_job_over_its_run_time_is_ended(cloud: Session, function: Callable[[], None]) -> None:
    error = failure(cloud, function, _timeout=0.3)
    assert isinstance(error, errors.RuntimeLimitExceeded)
    assert error.status == "error"


@pytest.mark.parametrize("function", [busy, asleep, busy_in_c, deaf], ids=lambda f: f.__name__)
def test_a_running_job_is_killed_whatever_it_does(
    cloud: Session, function: Callable[[], None]
) -> None:
    job = cloud.call(function)
    until(lambda: "has been running" in cloud.why(job), "the job runs")
    cloud.kill(job)
    with pytest.raises(errors.JobKilled):
        cloud.result(job, 20)


@pytest.mark.parametrize("function", [busy, asleep, busy_in_c, deaf], ids=lambda f: f.__name__)
def test_short_jobs_do_not_wait_behind_a_long_one(
    cloud: Session, function: Callable[[], None]
) -> None:
    def run(x: int) -> int:
        if x == 50:
            function()
        return x

    cloud.result(cloud.map(abs, range(2_000)))  # from now on short jobs are sent ahead
    jobs = cloud.map(run, range(400))
    others = [job for job in jobs if job != jobs[50]]
    try:
        assert cloud.result(others, 3) == [x for x in range(400) if x != 50]
    finally:
        cloud.kill(jobs)


# ---------------------------------------------------------------------- output


def test_a_job_that_prints_100_megabytes_keeps_its_last_64_kilobytes(cloud: Session) -> None:
    def chatter() -> str:
        line = "x" * 999 + "\n"
        for _ in range(100_000):
            sys.stdout.write(line)
        print("the end")
        return "done"

    job = cloud.call(chatter)
    assert cloud.result(job, 60) == "done"
    stdout = cloud.info(job)[job]["stdout"]
    assert stdout.endswith("the end\n")
    assert 64 << 10 <= len(stdout) + 1000 <= 1 << 20


def test_output_that_is_no_text_does_not_harm(cloud: Session) -> None:
    def speak() -> None:
        os.write(1, b"\xff\xfe\x00 \xe2\x82 end")
        print("\ud800 lone surrogate")

    job = cloud.call(speak)
    cloud.join(job, 30)
    assert "end" in cloud.info(job)[job]["stdout"]


def test_what_a_job_printed_before_it_crashed_is_kept(cloud: Session) -> None:
    def crash() -> None:
        print("last words", flush=True)
        os._exit(1)

    job = cloud.call(crash)
    cloud.join(job, 30, ignore_errors=True)
    assert cloud.info(job)[job]["stdout"] == "last words\n"
