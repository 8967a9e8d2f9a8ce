"""What a job may have changed around it, put back before the next one runs.

What the next job could trip over at once is looked at after each job: where it is, its variables,
its files. What costs more, or is rarely touched, is looked at as soon as jobs have run for a
millisecond; shorter ones share it.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from picloud_worker.interpreter.dispositions import SignalDispositions
from picloud_worker.interpreter.execution import set_variables
from picloud_worker.interpreter.process_limits import ProcessLimits

LITTER_AFTER = 0.000_003
"""Seconds that a job runs at least that makes a file. The fastest system call for it, mkdir in
memory, takes 2.6 µs, and loading and calling the job adds to that; most no-ops take half of it."""

_STAMP = 0
"""Modification time that an empty directory is given. The clock of file systems advances only
every few milliseconds, so two changes could not be told apart by the time of the last one."""


class Surroundings:
    """Directory, variables, signals, limits, umask and standard input as a job finds them."""

    def __init__(self, directory: str, on_recall: Callable[[int, Any], None]) -> None:
        self._directory = directory
        self._signals = SignalDispositions(on_recall)
        self._limits = ProcessLimits()
        self.stop_timers = self._signals.stop_timers
        self._environ = os.environ
        self._variables = dict(os.environ)
        self._zone = time.tzname, time.timezone
        # What the mapping wraps: comparing that takes 0.1 µs, comparing the mapping itself 10.
        self._raw: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
        self._raw_before = dict(self._raw)
        self._umask = os.umask(0)
        self._recursion_limit = sys.getrecursionlimit()
        self._null = os.open(os.devnull, os.O_RDWR)
        self._stdin = sys.stdin
        self._open_directory()
        self.restore()

    def after_job(self, seconds: float) -> None:
        """What is looked at after each job that another follows, by how long it ran."""
        self._restore_place()
        if seconds > LITTER_AFTER and self._look_at_directory() != self._clean:
            self._clean_directory()

    def restore(self) -> str:
        """Everything; say in words what cannot be put back, empty if nothing."""
        stuck = self._limits.restore()  # first: the rest opens files
        self._restore_place()
        if (time.tzname, time.timezone) != self._zone:
            self._restore_zone()
        self._signals.restore()
        os.umask(self._umask)
        sys.setrecursionlimit(self._recursion_limit)
        self._restore_input()
        if self._look_at_directory() != self._clean:
            self._clean_directory()
        return stuck

    def _restore_place(self) -> None:
        os.fchdir(self._descriptor)
        if self._raw != self._raw_before or os.environ is not self._environ:
            self._restore_variables()

    def _restore_variables(self) -> None:
        os.environ = self._environ  # noqa: B003 - the same object, which clears what it holds
        set_variables(self._variables)

    def _restore_zone(self) -> None:
        """A job has set one, by whatever way: the variables are as they were by now."""
        zone = os.environ.get("TZ")
        if zone is None:
            os.unsetenv("TZ")
        else:
            os.putenv("TZ", zone)
        time.tzset()

    def _restore_input(self) -> None:
        os.dup2(self._null, 0)
        if sys.stdin is not self._stdin or sys.stdin.closed:
            self._stdin = sys.stdin = open(0, closefd=False)  # noqa: SIM115 - jobs read it

    # ------------------------------------------------------------------ working directory

    def _open_directory(self) -> None:
        self._descriptor = os.open(self._directory, os.O_RDONLY)
        os.fchdir(self._descriptor)
        self._clean_directory()

    def _look_at_directory(self) -> tuple[int, int, int, int]:
        status = os.fstat(self._descriptor)
        return status.st_mtime_ns, status.st_ctime_ns, status.st_mode, status.st_nlink

    def _clean_directory(self) -> None:
        if os.fstat(self._descriptor).st_nlink == 0:  # the job has removed it
            os.close(self._descriptor)
            os.makedirs(self._directory, exist_ok=True)
            self._open_directory()
            return
        os.fchmod(self._descriptor, 0o700)
        with os.scandir(self._descriptor) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_directory in found:
            if is_directory:
                shutil.rmtree(name, ignore_errors=True)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(name)
        os.utime(self._descriptor, ns=(_STAMP, _STAMP))
        self._clean = self._look_at_directory()
