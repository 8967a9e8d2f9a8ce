"""A master and workers in processes of their own, on the loopback interface."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from picloud.remote import connected_session
from picloud.session import Session
from tests.support.processes import DEADLINE, Place, descendants, is_alive, read_line, until

TOKEN_VARIABLE = "PICLOUD_API_SECRETKEY"


class Served:
    """One master, any number of workers, and sessions with it."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root)
        self.token = secrets.token_urlsafe(16)
        self.url = ""
        self.variables: dict[str, str] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.master: subprocess.Popen[bytes] | None = None
        self._log = open(root / "log", "wb")  # noqa: SIM115 - closed with everything else
        self._sessions: list[Session] = []

    # ------------------------------------------------------------------ start

    def start_master(self, *options: str) -> None:
        """Start the master; after the first time on the port that it had before."""
        port = self.url.rpartition(":")[2] or "0"
        self.master, line = self._start("picloud_master", "--port", port, *options)
        self.url = line

    def start_worker(self, cores: int = 2) -> "subprocess.Popen[bytes]":
        """Start a worker and wait until the master has registered it."""
        worker, _ = self._start("picloud_worker", self.url, "--cores", str(cores))
        self.workers.append(worker)
        return worker

    def session(self, token: str | None = None) -> Session:
        """Make a session; it is closed with everything else."""
        session = connected_session(self.url, token if token is not None else self.token)
        self._sessions.append(session)
        return session

    def environment(self) -> dict[str, str]:
        """For programs that use this master."""
        return self.place.environment(PICLOUD_URL=self.url, PICLOUD_API_SECRETKEY=self.token)

    def _start(self, module: str, *arguments: str) -> "tuple[subprocess.Popen[bytes], str]":
        reading, writing = os.pipe()
        with open(reading) as ready:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments, "--ready-fd", str(writing)],
                cwd=self.place.work,
                env=self.place.environment(**{TOKEN_VARIABLE: self.token}, **self.variables),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(writing,),
            )
            os.close(writing)
            line = read_line(ready)
            if not line:
                self.end(process)
        assert line, f"{module} has not started: {self.log()[-2000:]}"
        return process, line

    # ------------------------------------------------------------------ end

    def log(self) -> str:
        """What master and workers have printed."""
        return Path(self._log.name).read_text(errors="replace")

    def kill_master(self) -> None:
        """End the master as a power cut would."""
        assert self.master is not None
        self.master.kill()
        self.master.wait(DEADLINE)

    def kill_worker(self, worker: "subprocess.Popen[bytes]") -> set[int]:
        """End a worker as a power cut would; return the processes that were below it."""
        below = descendants(worker.pid)
        worker.kill()
        worker.wait(DEADLINE)
        self.workers.remove(worker)
        return below

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        """End a process in good order."""
        below = descendants(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()
            process.wait(DEADLINE)
        until(lambda: not any(map(is_alive, below)), f"what {process.pid} started has ended")

    def close(self) -> None:
        """End everything that was started here, and nothing else."""
        try:
            for session in self._sessions:
                session.close()
            for worker in self.workers:
                self.end(worker)
            if self.master is not None:
                self.end(self.master)
        finally:
            self.place.end_all()
            self._log.close()
