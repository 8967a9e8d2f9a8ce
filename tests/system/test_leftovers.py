"""What jobs leave behind: nothing of it outlives a kill, and nothing reaches the next job."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

from picloud import errors
from picloud.session import Session
from tests.support.processes import is_alive, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(autouse=True)
def _works_on(cloud: Session) -> Iterator[None]:
    """Whatever a job has done, ten others run."""
    yield
    assert cloud.result(cloud.map(abs, range(-10, 0)), 30) == list(range(10, 0, -1))


def busy() -> None:
    while True:
        pass


# ---------------------------------------------------------------------- leftovers


def test_children_of_a_killed_job_are_gone_with_it(cloud: Session, tmp_path: Any) -> None:
    note = tmp_path / "pids"

    def spread(path: str) -> None:
        import subprocess

        pids = [os.getpid()]
        for new_session in (False, True):
            child = subprocess.Popen(["sleep", "100"], start_new_session=new_session)
            pids.append(child.pid)
        daemon = ["setsid", "sh", "-c", "(sleep 100 >/dev/null & echo $!)"]
        pids.append(int(subprocess.run(daemon, stdout=-1, check=True).stdout))
        with open(path + ".new", "w") as file:
            file.write(" ".join(map(str, pids)))
        os.rename(path + ".new", path)
        time.sleep(100)

    job = cloud.call(spread, str(note))
    until(note.exists, "the job has its children")
    pids = list(map(int, note.read_text().split()))
    assert len(pids) == 4
    assert all(map(is_alive, pids))
    cloud.kill(job)
    with pytest.raises(errors.JobKilled):
        cloud.result(job, 20)
    until(lambda: not any(map(is_alive, pids)), "the job and all its children are gone")


def test_threads_and_children_that_a_job_leaves_behind_disturb_no_other(cloud: Session) -> None:
    def leave() -> int:
        import subprocess
        import threading

        threading.Thread(target=time.sleep, args=(60,)).start()
        threading.Thread(target=busy, daemon=True).start()
        return subprocess.Popen(["sleep", "60"]).pid

    def count() -> tuple[int, int]:
        import threading

        return os.getpid(), threading.active_count()

    jobs = [cloud.call(leave) for _ in range(3)]
    assert all(isinstance(each, int) for each in cloud.result(jobs, 30))
    counts = cloud.result([cloud.call(count) for _ in range(20)], 30)
    assert {threads for _, threads in counts} == {1}


def test_a_fork_whose_child_returns_gives_one_result(cloud: Session) -> None:
    def fork() -> str:
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            return "parent"
        return "child"

    jobs = [cloud.call(fork) for _ in range(5)]
    assert cloud.result(jobs, 30) == ["parent"] * 5


def test_a_fork_whose_child_raises_gives_one_result(cloud: Session) -> None:
    def fork() -> int:
        pid = os.fork()
        if not pid:
            raise LookupError("in the child")
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert cloud.result(cloud.call(fork), 30) == 1


def test_a_fork_whose_child_lives_on_harms_nobody(cloud: Session) -> None:
    def fork() -> int:
        pid = os.fork()
        if not pid:
            time.sleep(60)
        return pid

    pid = cloud.result(cloud.call(fork), 30)
    assert pid > 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_inside_a_job(cloud: Session, method: str) -> None:
    def use_pool(method: str) -> list[int]:
        import multiprocessing

        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map(abs, range(-4, 0))

    assert cloud.result(cloud.call(use_pool, method), 60) == [4, 3, 2, 1]


def test_a_thread_pool_works_inside_a_job(cloud: Session) -> None:
    def use_pool() -> list[int]:
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

        with ThreadPoolExecutor(4) as threads, ProcessPoolExecutor(2) as processes:
            return [*threads.map(abs, [-1, -2]), *processes.map(abs, [-3])]

    assert cloud.result(cloud.call(use_pool), 60) == [1, 2, 3]


# ---------------------------------------------------------------------- surroundings


def test_what_a_job_changes_around_it_the_next_finds_as_it_was(cloud: Session) -> None:
    def spoil() -> None:
        os.chdir("/")
        os.umask(0o777)
        sys.stdout = sys.stderr = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGURG):
            signal.signal(number, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0.2)

    def look() -> tuple[bool, int, bool, bool, Any]:
        mask = os.umask(0o22)
        os.umask(mask)
        print("heard")
        handlers = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        return os.getcwd() != "/", mask, sys.stdout is not None, handlers, os.listdir()

    cleanly = cloud.result(cloud.call(look), 30)
    for _ in range(3):
        assert cloud.result([cloud.call(spoil) for _ in range(4)], 30) == [None] * 4
        jobs = [cloud.call(look) for _ in range(4)]
        assert cloud.result(jobs, 30) == [cleanly] * 4
        assert all(info["stdout"] == "heard\n" for info in cloud.info(jobs).values())


def test_signal_handlers_of_a_job_do_not_spoil_the_subprocesses_of_the_next(cloud: Session) -> None:
    def spoil() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        time.sleep(0.01)

    def fail_in_child() -> int:
        import subprocess

        return subprocess.run(["false"], check=False).returncode

    cloud.result([cloud.call(spoil) for _ in range(8)], 30)
    assert cloud.result([cloud.call(fail_in_child) for _ in range(8)], 30) == [1] * 8


def test_subprocesses_of_a_job_tell_their_exit_status(cloud: Session) -> None:
    def fail_in_child() -> int:
        import subprocess

        return subprocess.run(["sh", "-c", "exit 7"], check=False).returncode

    assert cloud.result([cloud.call(fail_in_child, _kill_process=True)] * 2, 30) == [7, 7]


def test_a_profiling_timer_of_a_job_does_not_end_the_next(cloud: Session) -> None:
    def spoil() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.05)
        time.sleep(0.01)

    def work() -> int:
        return sum(1 for _ in range(3_000_000))

    cloud.result([cloud.call(spoil) for _ in range(8)], 30)
    assert cloud.result([cloud.call(work) for _ in range(4)], 30) == [3_000_000] * 4


def test_variables_that_a_job_sets_are_not_seen_by_the_next(cloud: Session) -> None:
    def spoil() -> None:
        os.environ["OF_A_JOB"] = "still here"

    def look() -> str | None:
        return os.environ.get("OF_A_JOB")

    cloud.result([cloud.call(spoil) for _ in range(8)], 30)
    assert cloud.result([cloud.call(look) for _ in range(8)], 30) == [None] * 8


def test_the_working_directory_is_private_and_empty(cloud: Session) -> None:
    def litter() -> str:
        with open("file", "x") as file:
            file.write("x")
        os.makedirs("a/b")
        return os.getcwd()

    directories = cloud.result(cloud.map(lambda _: litter(), range(200)), 30)
    files = [os.path.join(each, "file") for each in directories]
    # The last one's is cleared when its result is on its way.
    until(lambda: not any(map(os.path.exists, files)), "their files are gone")


def test_a_job_has_no_secret_of_ours(cloud: Session) -> None:
    names = cloud.result(cloud.call(lambda: list(os.environ)), 30)
    assert not [name for name in names if "SECRET" in name or name.startswith("PICLOUD_API")]
