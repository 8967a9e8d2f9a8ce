"""Process trees, seen from their root."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from picloud_worker.interpreter.processes import descendants, kill_descendants, kill_tree

TREE = """
import os, time
from picloud_worker.interpreter.processes import become_subreaper
become_subreaper()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
if os.fork() == 0:
    time.sleep(1000)
print("ready", flush=True)
time.sleep(1000)
"""


LEADERLESS = """
import ctypes, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).pthread_exit(None)
'''])
while open(f"/proc/{child.pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
    time.sleep(0.001)
print("ready", flush=True)
time.sleep(1000)
"""

OF_ANOTHER_USER = """
import os, sys, time
from picloud_worker.interpreter.processes import kill_descendants
child = os.fork()
if child == 0:
    time.sleep(1000)
if os.getuid() == 0:  # now the child is beyond it; it does not matter where it is not root
    os.setresuid(65534, 65534, 0)
print(kill_descendants(os.getpid()))
if os.getuid() != 0:
    os.setresuid(0, 0, 0)
os.kill(child, 9)
"""


def tree(program: str = TREE) -> subprocess.Popen[str]:
    root = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert root.stdout
    assert root.stdout.readline() == "ready\n"
    return root


def end(root: subprocess.Popen[str]) -> int:
    kill_tree(root.pid)
    assert root.stdout
    root.stdout.close()
    return root.wait()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def test_orphans_of_a_subreaper_stay_below_it() -> None:
    root = tree()
    assert len(descendants(root.pid)) == 2
    assert end(root) == -signal.SIGKILL


def test_killing_descendants_leaves_the_root_and_what_is_spared() -> None:
    root = tree()
    spared = min(descendants(root.pid))
    assert kill_descendants(root.pid, {spared})
    assert descendants(root.pid) == {spared}
    assert root.poll() is None
    end(root)


def test_killing_a_tree_leaves_nothing() -> None:
    root = tree()
    below = descendants(root.pid)
    assert end(root) == -signal.SIGKILL
    assert {pid for pid in below if state(pid) not in "XZ"} == set()


def test_a_process_that_is_gone_has_no_descendants() -> None:
    root = tree()
    end(root)
    assert descendants(root.pid) == set()
    kill_tree(root.pid)


def test_a_process_whose_first_thread_has_ended_is_alive_and_is_killed() -> None:
    root = tree(LEADERLESS)
    (child,) = descendants(root.pid)
    assert state(child) == "Z"
    end(root)
    assert state(child) in "ZX"
    assert not Path(f"/proc/{child}/task").exists() or len(os.listdir(f"/proc/{child}/task")) <= 1


def test_processes_of_other_users_count_for_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", OF_ANOTHER_USER],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=20,
    )
    assert done.stdout == b"True\n"
