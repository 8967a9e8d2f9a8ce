"""Where a worker keeps its files: a directory of its own below the user's state directory."""

import os
import shutil
import tempfile
from pathlib import Path

from picloud.aio.places import state_places


def make_state_dir() -> str:
    """Make an empty directory for one worker, and clear away those of workers that were killed.

    Raises:
        OSError: nothing can be written in any of the `state_places`.
    """
    failure: OSError | None = None
    for place in state_places():
        try:
            return _make_below(place)
        except OSError as error:
            failure = error  # a read-only home is no reason to refuse work: try the next place
    assert failure is not None  # there is at least one place
    raise failure


def _make_below(place: Path) -> str:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for directory in place.glob("worker-*-*"):
        if not _is_alive(directory.name.split("-")[1]):
            shutil.rmtree(directory, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"worker-{os.getpid()}-", dir=place)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
