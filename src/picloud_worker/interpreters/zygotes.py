"""The zygotes of a worker: one with its own packages, and one for each environment in use."""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import picloud
import picloud_worker
from picloud.code.own_modules import is_installed
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.interpreters.zygote import ZygoteProcess

RESPAWNS = 8
RESPAWN_PERIOD = 60.0
"""A zygote that dies is replaced this many times in so many seconds: a restartable job that ends
it is started four times, and the next job is to find one."""

MAX_IDLE = 4
"""Zygotes of environments that are kept although they have no interpreter."""


class Zygote:
    """The process that starts the interpreters of one environment, started again when it ends.

    Attributes:
        interpreters: those that it has now.
        is_released: its environment is gone: it ends, and is not started again.
    """

    def __init__(
        self,
        settings: InterpreterSettings,
        on_message: Callable[[Any], None],
        on_lost: "Callable[[Zygote, str], None]",
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._on_lost = on_lost
        self._spawned: list[float] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = self._start()
        self.interpreters: set[int] = set()
        self.is_released = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen."""
        self._loop = loop
        self._process.attach(loop)

    def living(self) -> ZygoteProcess | None:
        """The process, which is started again if it has ended; None if it does so too often."""
        if self._process.is_lost:
            assert self._loop is not None  # only what listens is known to be lost
            now = self._loop.time()
            self._spawned = [each for each in self._spawned if now - each < RESPAWN_PERIOD]
            if self.is_released or len(self._spawned) >= RESPAWNS:
                return None
            self._spawned.append(now)
            self._process = self._start()
            self._process.attach(self._loop)
        return self._process

    def ask(self, message: object) -> None:
        """Say something to it; nothing happens if it is gone."""
        self._process.ask(message)

    async def close(self) -> None:
        """End it and everything below it."""
        self.is_released = True
        await self._process.close()

    def _start(self) -> ZygoteProcess:
        return ZygoteProcess(
            self._settings, self._on_message, lambda text: self._on_lost(self, text)
        )


def settings_in(settings: InterpreterSettings, place: Path) -> InterpreterSettings:
    """The settings of interpreters that have the packages at `place` and no others.

    Of what the worker imports from, they have the directories where the user works, and picloud.
    """
    binaries = place / "bin"
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)])
    return replace(
        settings,
        import_path=[each for each in settings.import_path if _is_own(each)],
        executable=str(binaries / "python"),
        libraries=str(_linked(Path(settings.state_dir, "libraries"))),
        changed_variables={"VIRTUAL_ENV": str(place), "PATH": path},
    )


def _is_own(directory: str) -> bool:
    return os.path.isdir(directory or os.curdir) and not is_installed(os.path.join(directory, "m"))


def _linked(directory: Path, packages: Sequence[Any] = (picloud, picloud_worker)) -> Path:
    """A directory with nothing but links to our own packages; it counts as an installed one."""
    place = directory / "site-packages"
    place.mkdir(parents=True, exist_ok=True)
    for package in packages:
        link = place / package.__name__
        if not link.is_symlink():
            link.symlink_to(Path(package.__file__).parent)
    return place


def remove_links(settings: InterpreterSettings) -> None:
    """Remove what `settings_in` has made."""
    shutil.rmtree(Path(settings.state_dir, "libraries"), ignore_errors=True)
