"""Real processes under test: started with a mark of their own, watched, and ended one by one."""

import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

DEADLINE = 20.0
PROGRAM_TIME = 100.0  # a test has 120: what hangs is told with what it said
MARK = "LOGNAME"
"""A variable that workers pass on to interpreters: a unique value in it marks all that a program
has started, whatever became of the parents."""


INDEX_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_DEFAULT_INDEX", "UV_INDEX")
"""Variables that uv reaches an index of packages by."""


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Look until it is true of foreign processes, of whose changes no event tells.

    Raises:
        AssertionError: it took too long.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s still not so: {what}"
        select.select([], [], [], 0.01)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def marked(mark: str) -> set[int]:
    """The living processes that were started with this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for entry in os.scandir("/proc"):
        if (
            entry.name.isdigit()
            and wanted in _environment(entry.path)
            and is_alive(int(entry.name))
        ):
            found.add(int(entry.name))
    return found


def _environment(process: str) -> list[bytes]:
    try:
        return Path(process, "environ").read_bytes().split(b"\0")
    except OSError:
        return []  # it has ended, or is not ours


def children(pid: int) -> set[int]:
    """The living children of a process."""
    found: set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/children").read_text()
            found.update(map(int, text.split()))
    except OSError:
        return found
    return {each for each in found if is_alive(each)}


def descendants(pid: int) -> set[int]:
    """The living processes below this one."""
    below = children(pid)
    return below.union(*map(descendants, below))


class Place:
    """Where programs of a test run: a home, a state directory and a mark of its own."""

    def __init__(self, root: Path) -> None:
        self.work = root / "work"
        self.state = root / "state"
        self.home = root / "home"
        for each in (self.work, self.state, self.home):
            each.mkdir()
        # Not below the others: sockets are made in it, and the path of one has 107 bytes at most.
        self.temporary = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self.temporary, ignore_errors=True)
        self.mark = f"test-{uuid.uuid4().hex}"

    def environment(self, **more: str) -> dict[str, str]:
        """Variables for a program: what it needs, and nothing that selects a master."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(SRC),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "error",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PICLOUD_STATE_DIR": str(self.state),
            MARK: self.mark,
            **{name: os.environ[name] for name in INDEX_VARIABLES if name in os.environ},
            **more,
        }

    def script(self, text: str, name: str = "program.py") -> str:
        """Write a program; return its path."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    @contextmanager
    def started(
        self, *arguments: str, env: Mapping[str, str] | None = None, **how: Any
    ) -> Iterator[subprocess.Popen[str]]:
        """A running program; what is left of it and of its processes is ended with the block."""
        program = subprocess.Popen(
            self._command(arguments),
            cwd=self.work,
            env=dict(env) if env is not None else self.environment(),
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            | how,
        )
        with program:
            try:
                yield program
            finally:
                self.end_all(program)

    def run(
        self, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, with this text as its standard input."""
        stdin = subprocess.PIPE if text is not None else subprocess.DEVNULL
        with self.started(*arguments, env=env, stdin=stdin) as program:
            out, err = program.communicate(text, timeout=PROGRAM_TIME)
        return subprocess.CompletedProcess(arguments, program.returncode, out, err)

    def output(
        self, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """What a program prints that must end well and leave nothing behind."""
        done = self.run(*arguments, text=text, env=env)
        assert done.returncode == 0, done.stderr
        self.wait_clean()
        return done.stdout

    def stores_of(self, pid: int) -> list[Path]:
        """Where a process of it keeps large data, in memory and on disk."""
        in_memory = Path("/dev/shm").glob(f"picloud-{os.getuid()}-*-{pid}-*")
        return [*in_memory, *self.state.glob(f"blobs-*-{pid}-*")]

    def wait_clean(self, seconds: float = 3.0) -> None:
        """Until no process with the mark is left, and no file but of the state directory."""
        until(lambda: not marked(self.mark), f"nothing of {self.mark} is left", seconds)
        ours = [each for each in self.home.iterdir() if each.name != ".python_history"]
        assert ours == []
        assert list(self.temporary.iterdir()) == []

    def end_all(self, program: "subprocess.Popen[str] | None" = None) -> None:
        """End exactly what was started here."""
        if program is not None and program.poll() is None:
            program.kill()
        for pid in marked(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    @staticmethod
    def _command(arguments: Sequence[str]) -> list[str]:
        if arguments and os.path.isabs(arguments[0]) and os.access(arguments[0], os.X_OK):
            return list(arguments)  # a Python of its own
        return [sys.executable, *arguments]


def read_line(stream: Any, seconds: float = DEADLINE) -> str:
    """Read a line that must come in time."""
    ready, _, _ = select.select([stream], [], [], seconds)
    assert ready, f"no line came for {seconds} s"
    line: str = stream.readline()
    return line.rstrip("\n")


def pass_on(path: Path, handle: Any) -> None:
    """Hand a job that reads a fifo what it waits for: a way that the serializer does not know."""
    data = pickle.dumps(handle)

    def is_taken() -> bool:
        try:
            end = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False  # nobody reads yet
        os.write(end, data)
        os.close(end)
        return True

    until(is_taken, f"a job waits at {path}")


def open_gate(path: str) -> None:
    """Let go a job that waits in `open(path).read()` for a fifo, as soon as it does."""

    def is_open() -> bool:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False  # nobody reads yet
        return True

    until(is_open, f"a job waits at {path}")
