"""Blob stores for tests, and other processes that use the same one."""

import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from typing import Any, Self

from picloud.blobs.store import BlobStore
from tests.support.processes import SRC

PROGRAM = """
import sys
from pathlib import Path
from picloud.blobs.store import BlobStore
store = BlobStore(*map(Path, sys.argv[1:]))
for line in sys.stdin:
    told = None
    exec(line)
    print(repr(told), flush=True)
"""


def a_store(place: Path) -> BlobStore:
    """A store that takes both of its directories for what they are called."""
    return BlobStore(place / "memory", place / "disk")


def files_in(store: BlobStore) -> list[str]:
    """All files of a store, whatever they are: with the directory that each is in."""
    places = [Path(each) for each in store.directories]
    return sorted(
        str(path.relative_to(place.parent))
        for place in places
        for path in place.rglob("*")
        if path.is_file()
    )


class OtherProcess:
    """A process that has a store open, as `store`, and does what it is told."""

    def __init__(self, store: BlobStore) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *store.directories],
            env={"PYTHONPATH": str(SRC)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def does(self, line: str, **names: object) -> Any:
        """Run a line there; what it assigns to `told` is returned."""
        self.begins(line, **names)
        return self.answers()

    def begins(self, line: str, **names: object) -> None:
        """Have it run a line, and do not wait for the end."""
        assert self._process.stdin is not None
        given = "".join(f"{name} = {each!r}; " for name, each in names.items())
        self._process.stdin.write(f"{given}{line}\n")
        self._process.stdin.flush()

    def answers(self) -> Any:
        """What the line has assigned to `told`, once it has run."""
        assert self._process.stdout is not None
        return literal_eval(self._process.stdout.readline())

    def ends(self) -> None:
        """Let it end by itself."""
        self._process.communicate()

    def is_killed(self) -> None:
        """End it at once; it has no time to tidy up."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
