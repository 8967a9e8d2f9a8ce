"""Where the store of a process is: in directories of its own, which end with it.

They are named for it and its machine, so that whoever comes next finds and removes those of a
process that was killed, but none of a process that it cannot see: a home may be shared.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from picloud.blobs.store import BlobStore

MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one."""

LEAST_MEMORY = 1 << 30
"""Bytes that must be free there, or everything is kept on disk."""


def make_store(places: Iterable[Path], *, in_memory: bool = True) -> BlobStore:
    """Make an empty store for this process.

    Args:
        places: directories that may hold files, the best first.
        in_memory: it keeps in memory what there is room for.

    Raises:
        OSError: nothing can be written in any of the places.
    """
    disk = make_store_directory(places)
    return BlobStore(_memory_directory() if in_memory else None, disk)


class OwnerStores:
    """Below one store another one for each owner, made when it is first asked for."""

    def __init__(self, base: BlobStore) -> None:
        self._base = base
        self._stores: dict[str, BlobStore] = {}

    def of(self, owner: str) -> BlobStore:
        """The store of an owner.

        Raises:
            OSError: there can be no directory for it.
        """
        store = self._stores.get(owner)
        if store is None:
            # An owner may be called by any text: no path is made of it.
            name = hashlib.blake2b(owner.encode(errors="surrogatepass"), digest_size=16)
            store = self._stores[owner] = self._base.below(name.hexdigest())
        return store

    def delete(self) -> None:
        """Remove all of them, with what is in them."""
        self._stores.clear()
        self._base.delete()


def make_store_directory(places: Iterable[Path]) -> Path:
    """Make an empty directory on disk for a store of this process.

    Raises:
        OSError: nothing can be written in any of the places.
    """
    return make_own_directory("blobs", places)


def make_own_directory(name: str, places: Iterable[Path]) -> Path:
    """Make an empty directory for this process, and clear away those of processes that are gone.

    Args:
        name: what all directories of this kind begin with.
        places: directories that it may be made in, the best first.

    Raises:
        OSError: nothing can be written in any of the places.
    """
    failure: OSError | None = None
    for place in places:
        try:
            return _make_below(place, name)
        except OSError as error:
            failure = error  # a read-only home is no reason to refuse work: try the next place
    assert failure is not None  # there is at least one place
    raise failure


def _memory_directory() -> Path | None:
    try:
        status = os.statvfs(MEMORY)
        if status.f_bavail * status.f_frsize < LEAST_MEMORY:
            return None
        return _make_below(MEMORY, f"picloud-{os.getuid()}")
    except OSError:
        return None


def _make_below(place: Path, name: str) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{name}-{_where_pids_count()}"
    for directory in place.glob(f"{name}-*-*"):
        if not _is_alive(directory.name.split("-")[-2]):
            shutil.rmtree(directory, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=place))


def _where_pids_count() -> str:
    """A word for this machine or, within it, this container."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""  # not Linux
    return hashlib.blake2b(f"{os.uname().nodename} {namespace}".encode(), digest_size=4).hexdigest()


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
