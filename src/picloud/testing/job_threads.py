"""Threads of which only one runs at a time, as coroutines do: jobs of a virtual cloud.

A thread runs from where it is resumed to where it pauses, and whoever has resumed it stands still
meanwhile. So what happens is the same in every run.
"""

import _thread
import threading
from collections.abc import Callable

from picloud import inside


class Abandoned(BaseException):
    """The process that this thread stands for is gone."""


class JobThread:
    """A thread that runs one job after the other.

    Args:
        on_idle: told when it has nothing left to do.
    """

    def __init__(self, on_idle: Callable[["JobThread"], object]) -> None:
        self._on_idle = on_idle
        self._go = _locked()
        self._back = _locked()
        self._work: Callable[[], None] | None = None
        self._line: inside.Line | None = None
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._live, name="virtual job", daemon=True)
        self._thread.start()

    def begin(self, line: inside.Line, work: Callable[[], None]) -> None:
        """Run this job as far as it comes; its line is that of the process meanwhile."""
        self._line, self._work, self._is_abandoned = line, work, False
        self.resume()

    def resume(self) -> None:
        """Let it run to its next pause."""
        before, inside.line = inside.line, self._line
        try:
            self._go.release()
            self._back.acquire()
        finally:
            inside.line = before

    def pause(self) -> None:
        """Called by the job: stand still until it is resumed.

        Raises:
            Abandoned: its process is gone.
        """
        if threading.current_thread() is not self._thread:
            raise RuntimeError("a job of a virtual cloud uses the cloud in its own thread only")
        if not self._is_abandoned:
            self._back.release()
            self._go.acquire()
        if self._is_abandoned:
            raise Abandoned

    def abandon(self) -> None:
        """Have the job that is paused end where it stands."""
        self._is_abandoned = True
        self.resume()

    def stop(self) -> None:
        """End the thread, which is idle."""
        self._work = None
        self._go.release()
        self._thread.join()

    def _live(self) -> None:
        self._go.acquire()
        while self._work is not None:
            work, self._work = self._work, None
            work()
            self._on_idle(self)
            self._back.release()
            self._go.acquire()


class JobThreads:
    """As many threads as there are jobs at a time; they are used again and again."""

    def __init__(self) -> None:
        self._idle: list[JobThread] = []

    def take(self) -> JobThread:
        """A thread for a job."""
        return self._idle.pop() if self._idle else JobThread(self._idle.append)

    def stop(self) -> None:
        """End those that are idle."""
        while self._idle:
            self._idle.pop().stop()


def _locked() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
