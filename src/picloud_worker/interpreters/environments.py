"""Environments on disk: each built once by uv, and shared by all workers of this user.

Below one directory, an environment lies in a directory that is named by the digest of all that is
installed there: its own packages, and those that interpreters need themselves. It is made under
another name and renamed when it is complete, so what is there is whole. Beside it lie two lock
files: the one is locked while it is built, so that no two workers build the same; the other is
shared by those that use it or are about to, and must be had alone to remove anything.
"""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from picloud.aio.installer import NO_UV, REMEDY, Installer, InstallerError
from picloud.protocol.environments import Environment, environment_of
from picloud_worker.core.events import BuildEnded

log = logging.getLogger(__name__)

MAX_KEPT = 32
"""Environments that are kept on disk, as far as no worker uses them."""

_OURS = ("cloudpickle", "msgpack", "xxhash")
"""What an interpreter itself needs: added, unless the environment has them, in the versions of
the worker."""

_OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

OnBuilt = Callable[[BuildEnded], None]


class EnvironmentStore:
    """The environments that this worker has built or found.

    Args:
        root: where they are kept.
        on_built: called on the loop's thread.
        most_kept: environments that are kept on disk, as far as no worker uses them.
    """

    def __init__(self, root: Path, on_built: OnBuilt, most_kept: int = MAX_KEPT) -> None:
        self._root = root
        self._most_kept = most_kept
        self._on_built = on_built
        self._installer = Installer()
        self._places: dict[str, Path] = {}
        self._in_use: dict[str, IO[str]] = {}
        self._call_soon: Callable[..., object] | None = None

    def attach(self, call_soon: Callable[..., object]) -> None:
        """Report by this; it may be called in any thread."""
        self._call_soon = call_soon

    def place_of(self, digest: str) -> Path:
        """Where one lies that was built here."""
        return self._places[digest]

    def build(self, environment: Environment) -> None:
        """Build it, or find it; reported when it is there, or is known not to come."""
        self._places[environment.digest] = self._root / whole(environment).digest
        threading.Thread(
            target=self._run, args=(environment,), name="picloud build", daemon=True
        ).start()

    def release(self, digest: str) -> None:
        """This worker uses it no more."""
        lock = self._in_use.pop(digest, None)
        if lock is not None:
            lock.close()

    def close(self) -> None:
        """End all builds, and use nothing any more."""
        self._call_soon = None
        self._installer.stop()
        for digest in list(self._in_use):
            self.release(digest)

    # ------------------------------------------------------------------ in threads

    def _run(self, environment: Environment) -> None:
        in_use, text = None, ""
        try:
            in_use = self._provide(environment)
        except InstallerError as error:
            text = str(error)
            if text == NO_UV:
                text = f"{text}, so its worker cannot build it: {REMEDY}"
        except OSError as error:
            text = f"there is no place for it: {error}"
        except Exception as error:
            log.exception("a build has failed inside")
            text = f"{type(error).__name__}: {error}"  # whatever it is, jobs must not wait for it
        call_soon = self._call_soon
        try:
            if call_soon is not None:
                call_soon(self._ended, environment.digest, in_use, text)
                in_use = None
        except RuntimeError:
            return  # the loop is closed: the worker has ended meanwhile
        finally:
            if in_use is not None:
                in_use.close()

    def _ended(self, digest: str, in_use: IO[str] | None, text: str) -> None:
        if in_use is not None:
            self.release(digest)
            self._in_use[digest] = in_use
        self._on_built(BuildEnded(digest, text and f"the environment was not built: {text}"))

    def _provide(self, environment: Environment) -> IO[str]:
        """See that it is there; return the lock that keeps it there."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = whole(environment)
        digest, place = environment.digest, self._root / environment.digest
        in_use = self._opened(f"{digest}.used")
        try:
            fcntl.flock(in_use, fcntl.LOCK_SH)
            if not place.exists():
                with self._opened(f"{digest}.lock") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    if not place.exists():  # nobody has built it meanwhile
                        self._install(environment, place)
            os.utime(place)
            self._remove_surplus()
        except BaseException:
            in_use.close()
            raise
        return in_use

    def _install(self, environment: Environment, place: Path) -> None:
        aside = self._aside(environment.digest)
        shutil.rmtree(aside, ignore_errors=True)  # of a worker that was killed
        aside.mkdir()
        try:
            python = sys.executable if environment.python == _OWN_PYTHON else environment.python
            made = aside / "environment"
            wanted = aside / "requirements.txt"
            wanted.write_text(environment.lock)
            venv = [
                "venv",
                "--quiet",
                "--no-config",
                "--relocatable",
                "--python",
                python,
                str(made),
            ]
            install = ["pip", "install", "--quiet", "--python", str(made / "bin" / "python")]
            self._installer.run(venv, directory=str(aside))
            self._installer.run([*install, "-r", str(wanted)], directory=str(aside))
            os.rename(made, place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    # ------------------------------------------------------------------ room

    def _remove_surplus(self) -> None:
        """Remove what was used least recently, as far as nobody uses it."""
        last_uses: dict[str, float] = {}
        for place in self._root.iterdir():
            if _DIGEST.fullmatch(place.name):
                with contextlib.suppress(FileNotFoundError):  # another worker makes room, too
                    last_uses[place.name] = place.stat().st_mtime
        surplus = sorted(last_uses, key=last_uses.__getitem__)[: -self._most_kept]
        abandoned = [place.name.removeprefix(_ASIDE) for place in self._root.glob(f"{_ASIDE}*")]
        for digest in (*surplus, *abandoned):
            with self._opened(f"{digest}.used") as lock:
                if _is_had_alone(lock):
                    self._remove(digest, is_whole=digest in last_uses)

    def _remove(self, digest: str, *, is_whole: bool) -> None:
        aside = self._aside(digest)
        shutil.rmtree(aside, ignore_errors=True)
        if is_whole and (self._root / digest).exists():
            os.rename(self._root / digest, aside)  # what has its name is whole, at any time
            shutil.rmtree(aside, ignore_errors=True)

    def _aside(self, digest: str) -> Path:
        return self._root / f"{_ASIDE}{digest}"

    def _opened(self, name: str) -> IO[str]:
        return open(self._root / name, "a")


_DIGEST = re.compile("[0-9a-f]{32}")
_ASIDE = "aside-"


def _is_had_alone(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def whole(environment: Environment) -> Environment:
    """The environment with what interpreters need themselves."""
    lock = environment.lock + "".join(_additions(environment.lock))
    return environment_of(environment.python, lock)


def _additions(lock: str) -> Iterator[str]:
    from importlib import metadata  # takes 20 ms, and most workers build nothing

    for name in _OURS:
        if not re.search(rf"^{name}\s*([@=;[]|$)", lock, re.MULTILINE | re.IGNORECASE):
            yield f"{name}=={metadata.version(name)}\n"
