"""Nothing that a job started survives it, its interpreter, its zygote or its agent."""

# ruff: noqa: ASYNC220, ASYNC240 - these tests look at files and processes themselves

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud_worker.interpreters import zygotes
from picloud_worker.interpreters.zygotes import RESPAWNS

REPOSITORY = Path(__file__).parents[3]


def spin() -> None:
    while True:
        pass


def busy_in_c() -> None:
    sum(range(10**12))


def busy_regex() -> None:
    import re

    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep() -> None:
    import time

    time.sleep(1000)


def plant_tree(marks: str) -> None:
    """Start a child, and a double-forked one that ignores, stops and has a session of its own."""
    import os
    import signal
    import time

    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            with open(marks, "a") as file:
                file.write(f"{os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.wait()
    if os.fork() == 0:
        with open(marks, "a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(1000)
    time.sleep(1000)


def pids_in(marks: Path) -> list[int]:
    return [int(line) for line in marks.read_text().splitlines()] if marks.exists() else []


@pytest.mark.parametrize("job", [spin, busy_in_c, busy_regex, sleep])
async def test_a_job_that_hears_nothing_is_killed(bench: Any, job: Callable[[], None]) -> None:
    (sequence,) = bench.submit(job)
    await bench.is_running(sequence)
    bench.pool.kill(1)
    event = await bench.exited()
    assert (event.exit.signal, event.exit.out_of_memory) == (signal.SIGKILL, False)
    assert event.running == sequence


async def test_the_processes_of_a_killed_job_are_gone_when_its_end_is_reported(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    marks = tmp_path / "marks"
    bench.submit(plant_tree, (str(marks),))
    await bench.poll(lambda: len(pids_in(marks)) == 2)
    bench.pool.kill(1)
    await bench.exited()
    assert [pid for pid in pids_in(marks) if alive(pid)] == []


async def test_the_processes_of_a_job_that_died_by_itself_are_gone_too(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    marks = tmp_path / "marks"

    def job(marks: str) -> None:
        import os
        import subprocess

        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        with open(marks, "a") as file:
            file.write(f"{child.pid}\n")
        os._exit(1)

    bench.submit(job, (str(marks),))
    await bench.exited()
    assert [alive(pid) for pid in pids_in(marks)] == [False]


async def test_other_interpreters_and_their_children_live_on(bench: Any) -> None:
    def wait_for(go: str) -> str:
        import os
        import subprocess
        import time

        child = subprocess.Popen(["sleep", "1000"])
        while not os.path.exists(go):
            time.sleep(0.01)
        lives = child.poll() is None
        child.kill()
        child.wait()
        return "lives" if lives else "dead"

    go = Path(bench.pool._directory, "go")
    bench.pool.start_interpreter(2)
    (other,) = bench.submit(wait_for, (str(go),), interpreter=2)
    await bench.is_running(other, 2)
    bench.submit(sleep)
    bench.pool.kill(1)
    await bench.exited()
    go.touch()
    assert await bench.result(other) == "lives"


async def test_an_interpreter_may_be_killed_before_it_is_up(bench: Any) -> None:
    bench.pool.start_interpreter(2)
    bench.pool.kill(2)
    assert (await bench.exited(2)).exit.signal == signal.SIGKILL


async def test_killing_twice_reports_one_end(bench: Any) -> None:
    bench.pool.kill(1)
    bench.pool.kill(1)
    await bench.exited()
    bench.pool.kill(1)
    bench.pool.send(1, [])
    bench.pool.start_interpreter(2)
    assert await bench.call(lambda: 1, interpreter=2) == 1


async def test_a_working_directory_goes_with_its_interpreter(bench: Any) -> None:
    def job() -> str:
        import os

        return os.getcwd()

    directory = await bench.call(job)
    assert os.path.isdir(directory)
    bench.pool.kill(1)
    await bench.exited()
    await bench.poll(lambda: not os.path.exists(directory))


AGENT = """
import asyncio, json, os, sys
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.pipe.messages import Prepare, RunAttempts
from picloud.code import values
from tests.picloud_worker.interpreters.test_kill import PYTHON, plant_tree

async def main(state_dir, marks):
    pool = Interpreters(InterpreterSettings(state_dir, sys.path), print)
    pool.spawn()
    await pool.start()
    pool.start_interpreter(1)
    payload = values.dumps(((marks,), {}))
    prepare = Prepare(1, values.dumps(plant_tree), PYTHON, 0, None)
    pool.send(1, [prepare, RunAttempts(1, [1], [payload])])
    if os.fork() == 0:  # it has a copy of every socket of the agent
        sys.stdin.read()
        os._exit(0)
    print(json.dumps(pool._zygotes.own._process._process.pid), flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


async def test_nothing_is_left_when_the_agent_is_killed_though_a_fork_of_it_lives(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    marks = tmp_path / "marks"
    state = tmp_path / "state"
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, str(state), str(marks)],
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert agent.stdin
    assert agent.stdout
    zygote = json.loads(agent.stdout.readline())
    await bench.poll(lambda: len(pids_in(marks)) == 2)
    everything = [zygote, *pids_in(marks)]
    assert all(map(alive, everything))
    agent.kill()
    agent.wait()
    agent.stdout.close()
    async with asyncio.timeout(3):
        await bench.poll(lambda: not any(map(alive, everything)))
    agent.stdin.close()
    assert list((state / "interpreters").iterdir()) == []


async def test_a_dead_zygote_ends_its_interpreters_and_is_replaced(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    marks = tmp_path / "marks"
    (sequence,) = bench.submit(plant_tree, (str(marks),))
    await bench.poll(lambda: len(pids_in(marks)) == 2)
    os.kill(bench.pool._zygotes.own._process._process.pid, signal.SIGKILL)
    event = await bench.exited()
    assert event.running == sequence
    assert "the process that starts interpreters has ended" in event.exit.text
    assert event.exit.zygote_lost
    await bench.poll(lambda: not any(map(alive, pids_in(marks))))
    bench.pool.start_interpreter(2)
    assert await bench.call(lambda: "again", interpreter=2) == "again"


async def test_a_zygote_leaves_signals_for_everyone_to_its_agent(bench: Any) -> None:
    await bench.call(lambda: "it is up")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(bench.pool._zygotes.own._process._process.pid, number)

    def job() -> bool:
        import signal

        return all(signal.getsignal(n) is signal.SIG_DFL for n in (signal.SIGTERM, signal.SIGHUP))

    bench.pool.start_interpreter(2)
    assert await bench.call(job, interpreter=2)


async def test_an_end_that_was_wished_for_is_not_blamed_on_the_zygote(bench: Any) -> None:
    await bench.call(lambda: "it is up")
    os.kill(bench.pool._zygotes.own._process._process.pid, signal.SIGSTOP)
    bench.pool._on_broken(1, "nonsense")
    os.kill(bench.pool._zygotes.own._process._process.pid, signal.SIGKILL)
    exit_ = (await bench.exited()).exit
    assert (exit_.text, exit_.zygote_lost) == ("nonsense", False)


async def test_a_zygote_that_keeps_dying_is_given_up_for_a_while(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = RESPAWNS + 2
    for number in range(2, last + 1):
        os.kill(bench.pool._zygotes.own._process._process.pid, signal.SIGKILL)
        await bench.exited(number - 1)
        bench.pool.start_interpreter(number)
    event = await bench.exited(last)
    assert "keeps ending" in event.exit.text
    monkeypatch.setattr(zygotes, "RESPAWN_PERIOD", 0.0)
    bench.pool.start_interpreter(last + 1)
    assert await bench.call(lambda: "again", interpreter=last + 1) == "again"


async def test_a_job_that_kills_the_zygote_ends_all(bench: Any) -> None:
    def job() -> None:
        import os
        import time

        os.kill(os.getppid(), 9)
        time.sleep(1000)

    bench.submit(job)
    await bench.exited()


async def test_closing_leaves_nothing(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    marks = tmp_path / "marks"
    bench.submit(plant_tree, (str(marks),))
    await bench.poll(lambda: len(pids_in(marks)) == 2)
    await bench.pool.close()
    assert not any(map(alive, pids_in(marks)))
    assert bench.exits == {}


async def test_a_crowd_of_processes_is_gone_when_its_end_is_reported(
    bench: Any, tmp_path: Path, alive: Callable[[int], bool]
) -> None:
    def job(marks: str) -> None:
        import os
        import time

        for _ in range(8):
            os.fork()
        with open(marks, "a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(1000)

    marks = tmp_path / "marks"
    bench.submit(job, (str(marks),))
    await bench.poll(lambda: len(pids_in(marks)) == 256)
    bench.pool.kill(1)
    await bench.exited()
    assert not any(map(alive, pids_in(marks)))
