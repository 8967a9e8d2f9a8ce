"""Between two jobs: put back what a job may have changed, and see what it left behind.

What costs a system call or two is done each time the interpreter reports results, not after each
job; jobs of less than a millisecond share it.
"""

import _thread
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

LEFTOVER_PATIENCE = 0.01
"""Seconds that a thread or process has to end which was told to, or is about to, as a job ends."""


class Surroundings:
    """Working directory, umask, signal handlers and timers as a job finds them."""

    def __init__(self, directory: str, on_recall: Callable[[int, Any], None]) -> None:
        self._directory = directory
        self._handlers: dict[signal.Signals, Any] = {
            signal.SIGINT: signal.default_int_handler,
            signal.SIGTERM: signal.SIG_DFL,
            signal.SIGURG: on_recall,
        }
        self._umask = os.umask(0)
        self._recursion_limit = sys.getrecursionlimit()
        self._null = os.open(os.devnull, os.O_RDWR)
        self._stdin = sys.stdin
        self._descriptor = os.open(directory, os.O_RDONLY)
        self.return_home()
        self.restore()

    def return_home(self) -> None:
        """Back to the working directory; cheap enough for every job."""
        os.fchdir(self._descriptor)

    def restore(self) -> None:
        """Everything else."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.umask(self._umask)
        sys.setrecursionlimit(self._recursion_limit)
        self._restore_input()
        if os.fstat(self._descriptor).st_nlink == 0:
            self._replace_directory()
        self._clear_directory()

    def _restore_input(self) -> None:
        os.dup2(self._null, 0)
        if sys.stdin is not self._stdin or sys.stdin.closed:
            self._stdin = sys.stdin = open(0, closefd=False)  # noqa: SIM115 - jobs read it

    def _replace_directory(self) -> None:
        os.close(self._descriptor)
        os.makedirs(self._directory, exist_ok=True)
        self._descriptor = os.open(self._directory, os.O_RDONLY)
        self.return_home()

    def _clear_directory(self) -> None:
        with os.scandir(self._descriptor) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_directory in found:
            if is_directory:
                shutil.rmtree(name, ignore_errors=True)
            else:
                os.unlink(name)


def leftovers() -> str:
    """Threads and processes that a job left running, in words; empty if there are none."""
    deadline = time.monotonic() + LEFTOVER_PATIENCE
    while (_thread._count() or has_children()) and time.monotonic() < deadline:
        time.sleep(LEFTOVER_PATIENCE / 20)
    found = []
    if _thread._count():
        names = [each.name for each in threading.enumerate()[1:]] or ["started without a name"]
        found.append(f"threads: {', '.join(names)}")
    if has_children():
        found.append("child processes")
    return "; ".join(found)


def has_children() -> bool:
    """Reap the children that have ended; True if one still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue
    except ChildProcessError:
        return False
    return True
