"""uv, which resolves and installs packages: where it is, and what it says.

uv is called by threads that are there for nothing else: it may take minutes. It is ended with
whoever waits for it, by `Installer.stop`.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence

NO_UV = "uv is not installed here"
REMEDY = "pip install 'picloud[env]'"

_WORDS = 16_000
"""Characters of what uv says that are passed on: its last words are the important ones."""


class InstallerError(Exception):
    """uv has refused, or is not there; the text says which, in its own words."""


def find_uv() -> str | None:
    """The program: that of the package `uv`, else the one on the path."""
    with _finding:
        try:
            import uv

            found: str = uv.find_uv_bin()
        except (ImportError, FileNotFoundError):
            return shutil.which("uv")
        return found


_finding = threading.Lock()
"""Python's own `sysconfig`, which uv's package asks, answers nonsense while another thread is the
first to ask."""


class Installer:
    """Runs uv, from any thread, until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False

    def run(self, arguments: Sequence[str], given: str = "", directory: str | None = None) -> str:
        """Run uv in a directory, with `given` as its input; return what it prints.

        Raises:
            InstallerError: it is not there, or it does not succeed.
        """
        uv = find_uv()
        if uv is None:
            raise InstallerError(NO_UV)
        process = self._start([uv, *arguments, "--color", "never", "--no-progress"], directory)
        try:
            printed, words = process.communicate(given)
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode != 0:
            raise InstallerError(words.strip()[-_WORDS:] or f"uv: status {process.returncode}")
        return printed

    def stop(self) -> None:
        """End whatever runs; nothing is run any more."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                _end(process)

    def _start(self, command: Sequence[str], directory: str | None) -> "subprocess.Popen[str]":
        # A virtual environment that is active here is not what is meant.
        variables = {name: it for name, it in os.environ.items() if name != "VIRTUAL_ENV"}
        with self._lock:
            if self._is_stopped:
                raise InstallerError("whoever wanted this has stopped")
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # ctrl-c is for the program, which decides what follows
            )
            self._running.add(process)
        return process


def _end(process: "subprocess.Popen[str]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has just ended
