"""Process trees: how nothing that a job started survives it.

On Linux every interpreter, and the zygote above, is a subreaper: a process that loses its parent
becomes a child of the nearest one above, however often it forked and whatever session it made.
So the descendants of an interpreter are exactly what its jobs started. Elsewhere the process
group has to do.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

LINUX = sys.platform == "linux"
KILL = signal.SIGKILL

KILL_PATIENCE = 0.2
"""Seconds to wait for the killed to be gone before the caller turns to something else."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

_CHILDREN_ARE_LISTED = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Most kernels are built to; without, all processes have to be looked at."""


def become_subreaper() -> None:
    """From now on orphans among the descendants become children of this process."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """End this process as soon as the parent, and in it the thread that forked, is gone."""
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the line above
        os._exit(1)


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def descendants(pid: int, spare: Collection[int] = ()) -> set[int]:
    """Every living process below this one, as far as one look can tell.

    Args:
        spare: children of `pid` that do not count, nor does what is below them.
    """
    found: set[int] = set()
    todo = [child for child in _children(pid) if child not in spare]
    while todo:
        child = todo.pop()
        if child not in found:
            found.add(child)
            todo += _children(child)
    return {each for each in found if not _is_zombie(each)}


def _children(pid: int) -> list[int]:
    if not _CHILDREN_ARE_LISTED:
        return [
            int(each) for each in os.listdir("/proc") if each.isdigit() and _stat(each)[1] == pid
        ]
    children: list[int] = []
    with contextlib.suppress(OSError):  # it ended while we looked
        for thread in os.listdir(f"/proc/{pid}/task"):
            children += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return children


def _is_zombie(pid: int) -> bool:
    state, _, threads = _stat(str(pid))
    return state in ("Z", "X") and threads <= 1  # the others may outlive the first


def _stat(pid: str) -> tuple[str, int, int]:
    """State, parent and number of threads of a process; "X" for one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "X", 0, 0
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[17])


def kill_descendants(pid: int, spare: Collection[int] = ()) -> bool:
    """Kill all below this process until nothing new appears; True if nothing is left alive.

    Processes of other users, of a `sudo` for example, do not count: nothing can be done to them.
    """
    if not LINUX:
        return True
    deadline = time.monotonic() + KILL_PATIENCE
    killed: set[int] = set()
    beyond_us: set[int] = set()
    while alive := descendants(pid, spare) - beyond_us:
        beyond_us |= {each for each in alive - killed if not send_signal(each, signal.SIGKILL)}
        if time.monotonic() > deadline:
            return False
        if alive == killed:  # they are dying
            time.sleep(0.0005)
        killed = alive
    return True


def kill_tree(pid: int) -> None:
    """Kill a child and everything below it. The caller reaps the child."""
    if not LINUX:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return
    send_signal(pid, signal.SIGSTOP)  # so that it starts nothing more, and stays their reaper
    kill_descendants(pid)
    send_signal(pid, signal.SIGKILL)


def send_signal(pid: int, number: int) -> bool:
    """Signal a process that may be gone; False if it is one that we may not signal."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True
