"""However a program ends, nothing of it is left a moment later."""

import os
import signal
import subprocess
from functools import partial

import pytest

from picloud.callback_thread import CALLBACK_TIME
from tests.support.processes import Place, children, descendants, is_alive, read_line, until

PROGRAM = """\
import os, signal, subprocess, sys, time
import picloud as cloud

def work(path):
    children = [subprocess.Popen(["sleep", "100"], start_new_session=new) for new in (False, True)]
    subprocess.Popen(["sh", "-c", "sleep 100 & sleep 100"], env={"PATH": os.environ["PATH"]})
    open(os.path.join(path, str(os.getpid())), "w").close()
    time.sleep(100)

path = sys.argv[1]
os.mkdir(path)
jobs = cloud.map(work, [path] * 10)
while len(os.listdir(path)) < 1:
    time.sleep(0.005)
print("running", flush=True)
"""

ENDS = {
    "returns": "",
    "raises": "raise LookupError('the end')",
    "sys_exit": "sys.exit(3)",
    "os_exit": "os._exit(4)",
    "in_a_thread": "import threading; threading.Thread(target=lambda: time.sleep(0.1)).start()",
    "closes": "cloud.close()",
    "keyboard": "os.kill(os.getpid(), signal.SIGINT); time.sleep(50)",
    "waits_and_is_interrupted": (
        "import threading; threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "cloud.result(jobs)"
    ),
    "sigterm": "os.kill(os.getpid(), signal.SIGTERM); time.sleep(50)",
    "sigkill": "os.kill(os.getpid(), signal.SIGKILL)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "execs": "os.execvp('true', ['true'])",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_program_leaves_no_process_behind(place: Place, end: str) -> None:
    path = place.script(PROGRAM + ENDS[end] + "\n")
    with place.started(path, str(place.work / "jobs")) as program:
        assert program.stdout is not None
        assert read_line(program.stdout) == "running"
        below = descendants(program.pid)
        program.wait(10)
        until(lambda: not any(map(is_alive, below)), "all that was below it is gone", 3.0)
        place.wait_clean()


CALLED = """\
import atexit, sys, threading
import picloud as cloud

held = threading.Event()

def called(job):
    if sys.argv[1] == "stays":
        print("begun", flush=True)
        held.wait()
    print(cloud.result(job), flush=True)

jobs = cloud.map(pow, [2, 3, 4], [2, 2, 2], _callback=called)
cloud.join(jobs)
"""


@pytest.mark.parametrize("end", ["", "cloud.close()", "raise LookupError('the end')"])
def test_a_program_ends_once_its_callbacks_have(place: Place, end: str) -> None:
    with place.started(place.script(CALLED + end), "goes") as program:
        output, _ = program.communicate(timeout=20)
    assert sorted(output.split()) == ["16", "4", "9"]


def test_an_interrupt_ends_a_program_whose_callback_does_not(place: Place) -> None:
    path = place.script(CALLED + "atexit.register(print, 'ending', flush=True)")
    with place.started(path, "stays") as program:
        assert program.stdout is not None
        assert {read_line(program.stdout), read_line(program.stdout)} == {"begun", "ending"}

        def ends() -> bool:
            program.send_signal(signal.SIGINT)  # the first may come before it waits
            return program.poll() is not None

        until(ends, "it has ended", CALLBACK_TIME / 2)
    place.wait_clean()


def test_a_program_that_is_killed_while_it_starts_leaves_nothing(place: Place) -> None:
    path = place.script(
        "import picloud as cloud\ncloud.call(pow, 1, 1)\nimport time\ntime.sleep(50)"
    )
    for _ in range(5):
        with place.started(path) as program:
            until(partial(children, program.pid), "it has begun to start its cloud")
            program.kill()
            program.wait(10)
            place.wait_clean()


def test_what_a_killed_program_left_in_the_state_directory_the_next_removes(place: Place) -> None:
    path = place.script(PROGRAM + "os.kill(os.getpid(), signal.SIGKILL)\n")
    place.run(path, str(place.work / "jobs"))
    place.wait_clean()
    before = set(place.state.rglob("worker-*"))
    place.output("-c", "import picloud as cloud; print(cloud.result(cloud.call(pow, 2, 3)))")
    assert not [each for each in before if each.exists()]


def test_a_program_whose_zygote_is_killed_goes_on(place: Place) -> None:
    program = """\
import os, signal, sys
import picloud as cloud

print(cloud.result(cloud.call(pow, 2, 3)), flush=True)
sys.stdin.readline()
print(cloud.result(cloud.map(abs, range(-5, 0)), 20))
"""
    with place.started("-c", program, stdin=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert read_line(running.stdout) == "8"
        (zygote,) = children(running.pid)
        os.kill(zygote, signal.SIGKILL)
        running.stdin.write("\n")
        running.stdin.flush()
        assert read_line(running.stdout) == "[5, 4, 3, 2, 1]"
        assert running.wait(20) == 0
    place.wait_clean()
