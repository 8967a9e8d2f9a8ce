"""The zygotes of a worker: one with its own packages, and one for each environment in use."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from picloud_worker.interpreters.booting import BootedZygote, boot
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.interpreters.zygote import ZygoteProcess

RESPAWNS = 8
RESPAWN_PERIOD = 60.0
"""A zygote that dies is replaced this many times in so many seconds: a restartable job that ends
it is started four times, and the next job is to find one."""

MAX_IDLE = 4
"""Zygotes of environments that are kept although they have no interpreter."""


class LastingZygote:
    """The process that starts the interpreters of one environment, started again when it ends.

    Args:
        booted: its first process, if that runs already.

    Attributes:
        interpreters: those that it has now.
        is_released: its environment is gone: it ends, and is not started again.
    """

    def __init__(
        self,
        settings: InterpreterSettings,
        on_message: Callable[[Any], None],
        on_lost: "Callable[[LastingZygote, str], None]",
        booted: BootedZygote | None = None,
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._on_lost = on_lost
        self._spawned: list[float] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = self._started(booted or boot(settings))
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
            self._process = self._started(boot(self._settings))
            self._process.attach(self._loop)
        return self._process

    def ask(self, message: object) -> None:
        """Say something to it; nothing happens if it is gone."""
        self._process.ask(message)

    async def close(self) -> None:
        """End it and everything below it."""
        self.is_released = True
        await self._process.close()

    def _started(self, booted: BootedZygote) -> ZygoteProcess:
        return ZygoteProcess(booted, self._on_message, lambda text: self._on_lost(self, text))


class Zygotes:
    """All zygotes of a worker, and which of them has which interpreter.

    Args:
        place_of: where a built environment lies, by its digest.
        on_message: called with what a zygote says.
        on_lost: called with the interpreters of one that is gone, and a text.
        booted: the process of the own one, if that runs already.
    """

    def __init__(
        self,
        settings: InterpreterSettings,
        place_of: Callable[[str], Path],
        on_message: Callable[[Any], None],
        on_lost: Callable[[list[int], str], None],
        booted: BootedZygote | None = None,
    ) -> None:
        self._settings = settings
        self._place_of = place_of
        self._on_message = on_message
        self._on_lost = on_lost
        # The one that was used last is last.
        self._by_environment = {"": self._new(settings, booted)}
        self._of: dict[int, LastingZygote] = {}
        self._ending: set[asyncio.Task[None]] = set()  # of environments that are let go
        self._is_closing = False

    @property
    def own(self) -> LastingZygote:
        """The one with the worker's own packages."""
        return self._by_environment[""]

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen."""
        self._loop = loop
        self.own.attach(loop)

    def of(self, environment: str) -> LastingZygote:
        """The zygote of an environment that is built, started now if there is none."""
        zygote = self._by_environment.pop(environment, None)
        if zygote is None:
            zygote = self._new(settings_in(self._settings, self._place_of(environment)))
            zygote.attach(self._loop)
        self._by_environment[environment] = zygote
        idle = [one for one, it in self._by_environment.items() if one and not it.interpreters]
        for surplus in idle[: -MAX_IDLE - 1]:
            self.release(surplus)
        return zygote

    def began(self, interpreter: int, zygote: LastingZygote) -> None:
        """This one is asked to start an interpreter."""
        self._of[interpreter] = zygote
        zygote.interpreters.add(interpreter)

    def ask(self, interpreter: int, message: object) -> None:
        """Say something to the zygote of an interpreter; nothing happens if that is gone."""
        zygote = self._of.get(interpreter)
        if zygote is not None:
            zygote.ask(message)

    def ended(self, interpreter: int) -> None:
        """It is gone."""
        self._of.pop(interpreter).interpreters.discard(interpreter)

    def release(self, environment: str) -> None:
        """End the zygote of an environment, with all that it has."""
        zygote = self._by_environment.pop(environment, None)
        if zygote is not None:
            task = self._loop.create_task(zygote.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all of them, with all interpreters. Nothing is reported any more."""
        self._is_closing = True
        every = (zygote.close() for zygote in self._by_environment.values())
        await asyncio.gather(*self._ending, *every)
        shutil.rmtree(Path(self._settings.state_dir, _LINKS), ignore_errors=True)

    def _new(
        self, settings: InterpreterSettings, booted: BootedZygote | None = None
    ) -> LastingZygote:
        return LastingZygote(settings, self._on_message, self._lost, booted)

    def _lost(self, zygote: LastingZygote, text: str) -> None:
        """It is gone, and every interpreter of it with it."""
        if not self._is_closing:
            self._on_lost(list(zygote.interpreters), text)
            with contextlib.suppress(OSError):  # whoever needs it next is told
                zygote.living()  # another one boots meanwhile


_LINKS = "libraries"


def settings_in(settings: InterpreterSettings, place: Path) -> InterpreterSettings:
    """The settings of interpreters that have the packages at `place` and no others.

    Of what the worker imports from, they have picloud.
    """
    binaries = place / "bin"
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)])
    return replace(
        settings,
        stores=[],  # they outlive an environment: it is the worker's own zygote that removes them
        import_path=[],
        executable=str(binaries / "python"),
        libraries=str(_linked(Path(settings.state_dir, _LINKS), Path(settings.libraries))),
        changed_variables={"VIRTUAL_ENV": str(place), "PATH": path},
    )


def _linked(directory: Path, libraries: Path) -> Path:
    """A directory with nothing but links to our own packages; it counts as an installed one."""
    place = directory / "site-packages"
    place.mkdir(parents=True, exist_ok=True)
    for name in _OURS:
        link = place / name
        if not link.is_symlink():
            link.symlink_to(libraries / name)
    return place


_OURS = ("picloud", "picloud_worker")
