"""The files of users' modules on this worker: each content once, and trees of links to them."""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from picloud.protocol.tree_messages import is_path
from picloud.protocol.trees import digest_of

log = logging.getLogger(__name__)

_READ_ONLY = 0o444


class TreeStore:
    """Below one directory: `files` by the digests of their contents, `trees` by theirs."""

    def __init__(self, directory: Path) -> None:
        self._files = directory / "files"
        self._trees = directory / "trees"
        for each in (self._files, self._trees):
            each.mkdir(parents=True, exist_ok=True)
        self._error: OSError | None = None
        self._broken: dict[bytes, OSError] = {}

    def path_of(self, digest: bytes) -> str:
        """Where a tree is, for `sys.path`.

        Raises:
            OSError: it could not be made: there was no room for it.
        """
        if digest in self._broken:
            raise self._broken[digest]
        return str(self._place_of(digest))

    def put(self, contents: Sequence[bytes]) -> None:
        """Keep contents. If that fails, the trees that need them are found to be broken."""
        for content in contents:
            path = self._files / digest_of(content).hex()
            if not path.exists():
                try:
                    path.write_bytes(content)
                    path.chmod(_READ_ONLY)
                except OSError as error:
                    self._error = error
                    path.unlink(missing_ok=True)

    def make(self, digest: bytes, paths: Sequence[str], digests: Sequence[bytes]) -> None:
        """Make a tree of contents that are here; one that cannot be made is broken.

        Raises:
            ValueError: a path leads out of the tree.
        """
        if not all(map(is_path, paths)):
            raise ValueError("a path of a tree leads out of it")
        try:
            self._link(self._place_of(digest), paths, digests)
        except OSError as error:
            self._broken[digest] = self._error or error

    def _place_of(self, digest: bytes) -> Path:
        return self._trees / digest.hex()

    def _link(self, root: Path, paths: Sequence[str], digests: Sequence[bytes]) -> None:
        for path, content in zip(paths, digests, strict=True):
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                os.link(self._files / content.hex(), place)

    def remove(self, digest: bytes) -> None:
        """Remove a tree, and the contents that no other tree has."""
        self._broken.pop(digest, None)
        with _removal():
            shutil.rmtree(self._place_of(digest))
        with _removal():
            for file in os.scandir(self._files):
                with _removal():
                    if file.stat().st_nlink == 1:
                        os.unlink(file.path)


@contextlib.contextmanager
def _removal() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        pass  # others have removed some, or all
    except OSError as error:
        log.warning("files of users' modules stay on this disk: %s", error)
