"""The next job finds things as the last one found them, or it runs elsewhere."""

# ruff: noqa: ASYNC240 - these tests look at files and processes themselves

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from picloud_worker.interpreters.settings import VARIABLES
from picloud_worker.interpreters.zygote import MARK
from picloud_worker.pipe.messages import Dirty, GaveBack, Wrote


async def test_a_job_works_in_a_private_empty_directory(bench: Any) -> None:
    def job() -> Any:
        import os

        found = os.listdir()
        os.makedirs("sub/sub")
        os.symlink("/", "sub/root")
        os.close(os.open("file", os.O_CREAT))
        os.chdir("/")
        return found

    assert await bench.call(job) == []
    assert await bench.call(job) == []
    assert os.path.isdir("/etc")


async def test_a_job_may_delete_its_directory(bench: Any) -> None:
    def job() -> None:
        import os
        import shutil

        shutil.rmtree(os.getcwd())

    def write() -> str:
        from pathlib import Path

        Path("file").write_text("text")
        return Path("file").read_text()

    await bench.call(job)
    assert await bench.call(write) == "text"


async def test_signals_umask_and_timers_are_put_back(bench: Any) -> None:
    def spoil() -> None:
        import os
        import signal

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGURG):
            signal.signal(number, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        os.umask(0o777)

    def look() -> Any:
        import os
        import signal
        import time

        time.sleep(0.3)
        names = [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]
        return names, os.umask(0)

    before = await bench.call(look)
    await bench.call(spoil)
    assert await bench.call(look) == before
    bench.pool.recall(1)
    await bench.until(lambda: bench.messages(GaveBack))


async def test_limits_of_the_process_are_put_back(bench: Any) -> None:
    def spoil() -> None:
        import resource

        for limit in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS):
            _, hard = resource.getrlimit(limit)
            lower = (1 << 40) if hard == resource.RLIM_INFINITY else hard - 1
            resource.setrlimit(limit, (lower, hard))

    def look() -> Any:
        import resource

        limits = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
        return [resource.getrlimit(limit) for limit in limits]

    before = await bench.call(look)
    await bench.call(spoil)
    assert await bench.call(look) == before


async def test_a_job_does_not_mute_the_logging_of_the_next(bench: Any) -> None:
    def mute(how: int) -> None:
        import logging

        root = logging.getLogger()
        if how == 0:
            root.setLevel(logging.CRITICAL)
            logging.disable()
        elif how == 1:
            root.disabled = True
        else:
            root.handlers[0].setLevel(logging.CRITICAL)

    def speak() -> None:
        import logging

        logging.info("heard")

    for how in range(3):
        await bench.call(mute, how)
        (sequence,) = bench.submit(speak)
        await bench.result(sequence)
        (wrote,) = [each for each in bench.messages(Wrote) if each.sequence == sequence]
        assert "heard" in wrote.logging


async def test_a_time_zone_that_a_job_has_set_is_put_back(bench: Any) -> None:
    def travel(how: int) -> None:
        import os
        import time

        if how == 0:
            os.environ["TZ"] = "Asia/Tokyo"
        else:
            os.putenv("TZ", "Asia/Tokyo")
        time.tzset()
        if how == 1:
            os.unsetenv("TZ")

    def zone() -> str:
        import time

        return time.strftime("%z")

    before = await bench.call(zone)
    for how in range(3):
        await bench.call(travel, how)
        assert await bench.call(zone) == before


async def test_a_job_whose_processes_may_write_small_files_only_is_heard(bench: Any) -> None:
    def job() -> str:
        import subprocess

        command = ["sh", "-c", "ulimit -f 100; echo heard >&2; echo heard"]
        return subprocess.run(command, check=True, stdout=-1, text=True).stdout

    (sequence,) = bench.submit(job)
    assert await bench.result(sequence) == "heard\n"
    (wrote,) = [each for each in bench.messages(Wrote) if each.sequence == sequence]
    assert wrote.stderr == "heard\n"


async def test_a_thread_left_behind_makes_the_interpreter_dirty(bench: Any) -> None:
    def job(stay: bool) -> str:
        import threading
        import time

        if stay:
            threading.Thread(target=time.sleep, args=(1000,), name="lazy", daemon=True).start()
        return "result"

    first, *others = bench.submit(job, (True,), (False,), (False,))
    assert await bench.result(first) == "result"
    (dirty,) = await bench.until(lambda: bench.messages(Dirty))
    assert dirty.leftovers == "threads: lazy"
    assert [each.sequences for each in bench.messages(GaveBack)] == [others]
    late = bench.submit(job, (False,))
    await bench.until(lambda: len(bench.messages(GaveBack)) == 2)
    assert bench.messages(GaveBack)[1].sequences == late
    bench.pool.kill(1)
    assert (await bench.exited()).running == 0


async def test_a_process_left_behind_makes_the_interpreter_dirty(bench: Any) -> None:
    def job() -> int:
        import os
        import time

        if os.fork() == 0:
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
        os.wait()
        return os.getpid()

    await bench.call(job)
    (dirty,) = await bench.until(lambda: bench.messages(Dirty))
    assert dirty.leftovers == "child processes"


async def test_threads_and_processes_that_are_about_to_end_are_waited_for(bench: Any) -> None:
    def job() -> None:
        import threading
        import time

        threading.Thread(target=time.sleep, args=(0.001,)).start()
        subprocess.Popen(["sleep", "1000"]).kill()

    for _ in range(20):
        await bench.call(job)
    assert bench.messages(Dirty) == []


async def test_threads_and_processes_that_have_ended_are_no_leftovers(bench: Any) -> None:
    def job() -> int:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as executor:
            total = sum(executor.map(abs, range(10)))
        subprocess.run(["true"], check=True)
        return total

    for _ in range(5):
        assert await bench.call(job) == 45
    assert bench.messages(Dirty) == []


async def test_a_job_sees_nothing_of_the_agent_or_the_zygote(bench: Any) -> None:
    def job() -> Any:
        import os
        import sys

        files = []
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                files.append(os.readlink(f"/proc/self/fd/{name}"))
        return set(os.environ), sys.argv, vars(sys.modules["__main__"]).get("boot"), files

    variables, argv, boot, files = await bench.call(job)
    assert variables - set(VARIABLES) == {MARK}
    assert (argv, boot) == ([""], None)
    assert [each for each in files if "anon_inode" in each] == []
    assert len([each for each in files if "socket" in each]) == 2  # its pipe and its line


async def test_a_child_program_inherits_only_the_standard_streams(bench: Any) -> None:
    def job(look: str) -> str:
        import sys

        program = [sys.executable, "-I", "-c", look]
        return subprocess.run(program, capture_output=True, text=True, close_fds=False).stdout

    look = """if True:
        import os
        for descriptor in range(256):
            try:
                os.fstat(descriptor)
            except OSError:
                continue
            print(descriptor)
    """
    assert (await bench.call(job, look)).split() == ["0", "1", "2"]


async def test_what_is_found_outside_of_the_tree_is_read_anew_by_another_interpreter(
    bench: Any, tmp_path: Path
) -> None:
    leaf = tmp_path / "found_outside.py"

    def look(directory: str) -> Any:
        sys.path.append(directory)
        return __import__("found_outside").x

    for number in (1, 2):
        leaf.write_text(f"x = {number}")
        if number > 1:
            bench.pool.start_interpreter(number)
        assert await bench.call(look, str(tmp_path), interpreter=number) == number
        await bench.until(lambda number=number: bench.messages(Dirty, number))
        assert "found_outside" in bench.messages(Dirty, number)[0].leftovers
    assert not (tmp_path / "__pycache__").exists()
