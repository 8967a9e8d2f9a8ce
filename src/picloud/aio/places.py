"""Where this user's PiCloud processes keep files: the state directory."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

STATE_VARIABLE = "PICLOUD_STATE_DIR"


def state_places() -> Iterator[Path]:
    """Directories that may hold state, the best first.

    `PICLOUD_STATE_DIR`, else the platform's place for state (`XDG_STATE_HOME`), else, for who has
    no home that can be written, a directory of this user's among the temporary files.
    """
    chosen = os.environ.get(STATE_VARIABLE)
    if chosen:
        yield Path(chosen)
        return
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    yield Path(home, "picloud")
    yield Path(tempfile.gettempdir(), f"picloud-{os.getuid()}")


def cache_places() -> Iterator[Path]:
    """Directories that may hold what can be made again, the best first.

    The chosen place for state, if there is one; else the platform's place for caches.
    """
    if not os.environ.get(STATE_VARIABLE):
        yield Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "picloud")
    yield from state_places()


def environments_place() -> Path:
    """Where environments are kept: the first place that can be written."""
    for place in cache_places():
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place / "environments"
    return place / "environments"


def socket_path(port: int) -> Path | None:
    """The socket file of a master of this user that listens on a loopback port.

    Bytes go through it faster than through TCP (ADR 13). The directory is closed to other users,
    so whoever listens there is this user. None where no such path can be used.
    """
    for place in state_places():
        path = place / f"master-{port}.sock"
        if len(os.fsencode(path)) < _LONGEST_SOCKET_PATH and _is_private(place):
            return path
    return None


_LONGEST_SOCKET_PATH = 104
"""What every Unix allows for the path of a socket."""


def _is_private(place: Path) -> bool:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & 0o077
