"""A master and a worker on loopback, each a process of its own; both end with the block."""

import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from benchmarks.contenders.base import WORKERS

_START = 30.0
_STOP = 10.0
_TOKEN = "PICLOUD_API_SECRETKEY"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the master listens, and which process it is."""

    url: str
    token: str
    master_pid: int


@contextmanager
def serving() -> Iterator[Served]:
    """Start both, wait until both are ready, and stop exactly these two."""
    signal.signal(signal.SIGTERM, _exit)
    token = secrets.token_hex(16)
    with _process(["picloud_master", "--port", "0"], token) as (master, url):
        command = ["picloud_worker", url, "--cores", str(WORKERS)]
        with _process(command, token) as (_, ready):
            if ready != "ready":
                raise RuntimeError(f"the worker said {ready!r} instead of 'ready'")
            yield Served(url, token, master.pid)


@contextmanager
def _process(command: list[str], token: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """One `python -m …` and the line that it writes when it is ready."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--ready-fd", str(writing)],
        pass_fds=[writing],
        env={**os.environ, _TOKEN: token},
        stdin=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with open(reading) as ready:
            line = _line_of(command[0], ready.fileno())
        yield process, line
    finally:
        _stop(process)


def _line_of(name: str, ready: int) -> str:
    """The first line from `ready`, which may come in pieces."""
    text = b""
    while not text.endswith(b"\n"):
        if not select.select([ready], [], [], _START)[0]:
            raise TimeoutError(f"{name} is not ready after {_START:.0f} s")
        if not (piece := os.read(ready, 4096)):
            raise RuntimeError(f"{name} ended before it was ready")
        text += piece
    return text.decode().strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP)
        return
    print(f"process {process.pid} did not stop on SIGTERM", file=sys.stderr)
    process.kill()
    process.wait()


def _exit(number: int, frame: FrameType | None) -> None:
    """Let the harness's SIGTERM run the `finally` blocks."""
    sys.exit(128 + number)
