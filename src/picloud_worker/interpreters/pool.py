"""All interpreters of a worker: started, spoken to, killed; every end is reported once."""

import asyncio
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from picloud.blobs.store import BlobStore
from picloud_worker.core.events import (
    AttemptSpoke,
    BuildEnded,
    Exit,
    InterpreterExited,
    InterpreterSaid,
    Output,
)
from picloud_worker.interpreter.control import (
    EndReport,
    ForkRequest,
    KillRequest,
    RecallRequest,
)
from picloud_worker.interpreter.trimming import trim
from picloud_worker.interpreters.booting import BootedZygote
from picloud_worker.interpreters.environments import EnvironmentStore
from picloud_worker.interpreters.process import HUNG_UP, InterpreterProcess
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.interpreters.trees import TreeStore
from picloud_worker.interpreters.zygotes import Zygotes

HANG_UP_PATIENCE = 0.5
"""Seconds that an interpreter has to end after its pipe was closed."""

OnEvent = Callable[[InterpreterSaid | AttemptSpoke | InterpreterExited | BuildEnded], None]


class Interpreters:
    """The interpreters of one worker, by the numbers that its core gives them.

    Args:
        on_event: never called from inside one of these methods, only from the loop.
        booted: the process of the zygote, if that runs already.
    """

    def __init__(
        self,
        settings: InterpreterSettings,
        on_event: OnEvent,
        booted: BootedZygote | None = None,
    ) -> None:
        self._settings = settings
        self._booted = booted
        self._on_event = on_event
        self._directory = Path(settings.state_dir, "interpreters")
        self._modules = Path(settings.state_dir, "modules")
        self._zygotes: Zygotes | None = None
        self._processes: dict[int, InterpreterProcess] = {}
        self._stores: dict[int, BlobStore] = {}
        self._closing = False

    # ------------------------------------------------------------------ life

    def spawn(self) -> None:
        """Start a zygote. It boots while the caller goes on."""
        shutil.rmtree(self._directory, ignore_errors=True)  # of an agent that was killed
        self._directory.mkdir(parents=True)
        self.trees = TreeStore(self._modules)
        place = self._settings.environments or str(Path(self._settings.state_dir, "environments"))
        self.environments = EnvironmentStore(Path(place), self._on_event)
        self._zygotes = Zygotes(
            self._settings,
            self.environments.place_of,
            self._on_ended,
            self._on_lost,
            self._booted,
        )

    async def start(self) -> None:
        """Attach to the running loop."""
        self._loop = asyncio.get_running_loop()
        if self._zygotes is None:
            self.spawn()
        assert self._zygotes is not None  # spawn has set it
        self._zygotes.attach(self._loop)
        self.environments.attach(self._loop.call_soon_threadsafe)

    async def close(self) -> None:
        """End all interpreters, with everything they started. No events come any more."""
        self._closing = True
        if self._zygotes is not None:
            self.environments.close()
            await self._zygotes.close()
        for process in self._processes.values():
            process.release()
        self._processes.clear()
        # In place: when Python ends, no thread can be started. Threads that remove the same do no
        # harm, since each file is gone when the first of the two has come by.
        for each in (self._directory, self._modules):
            shutil.rmtree(each, ignore_errors=True)

    # ------------------------------------------------------------------ what the core asks for

    def start_interpreter(
        self,
        interpreter: int,
        tree: bytes = b"",
        store: BlobStore | None = None,
        environment: str = "",
    ) -> None:
        """Fork an interpreter; messages for it may be sent at once.

        Args:
            tree: it imports from this one first.
            store: where large parts of values are; without it they stay in one piece.
            environment: one that is built, whose packages it has; else those of this worker.
        """
        assert self._zygotes is not None  # it is attached
        directory = self._directory / str(interpreter)
        try:
            zygote = self._zygotes.of(environment)
            living = zygote.living()
            if living is None:
                text = "the process that starts interpreters keeps ending"
                self._loop.call_soon(self._on_event, _not_started(interpreter, text))
                return
            path = self.trees.path_of(tree) if tree else ""
            directory.mkdir(mode=0o700, parents=True)  # somebody may have cleared it away
            process = InterpreterProcess(
                partial(self._on_said, interpreter),
                lambda words: self._on_event(AttemptSpoke(interpreter, words)),
                partial(self._on_broken, interpreter),
            )
        except OSError as error:  # too many open files, a full disk, a Python that is gone
            text = f"an interpreter cannot be started: {error}"
            self._loop.call_soon(self._on_event, _not_started(interpreter, text))
            return
        self._processes[interpreter] = process
        process.attach(self._loop)
        directories = None
        if store is not None:
            self._stores[interpreter] = store
            directories = list(store.directories)
        request = ForkRequest(interpreter, str(directory), path, directories)
        self._zygotes.began(interpreter, zygote)
        living.ask(request, process.descriptors(), process.handed_over)

    def release_environment(self, digest: str) -> None:
        """End what is left of its interpreters; it may be removed then."""
        if self._zygotes is not None:
            self._zygotes.release(digest)
        self.environments.release(digest)

    def send(self, interpreter: int, messages: Sequence[object]) -> None:
        """Send messages in one frame; nothing happens if the interpreter is gone."""
        process = self._processes.get(interpreter)
        if process is not None:
            process.send(messages)

    def tell(self, interpreter: int, messages: Sequence[object]) -> None:
        """Speak to the attempt that an interpreter runs; nothing happens if that is gone."""
        process = self._processes.get(interpreter)
        if process is not None:
            process.tell(messages)

    def recall(self, interpreter: int) -> None:
        """Ask for what has not started; answered by a `GaveBack`, or by the interpreter's end."""
        process = self._processes.get(interpreter)
        if self._zygotes is not None and process is not None:
            process.note_recall()
            self._zygotes.ask(interpreter, RecallRequest(interpreter))

    def revoke(self, interpreter: int) -> None:
        """Forbid it, signals or not, to start any of the attempts that it was sent so far.

        25 ms later those that it has after the `running` one are free to go elsewhere. They are
        given back all the same, together with the next report, as soon as the job lets go. Those
        that it has finished before are reported at once, and then again.
        """
        process = self._processes.get(interpreter)
        if process is not None:
            process.revoke()
            if unreported := process.unreported():
                self._loop.call_soon(self._on_said, interpreter, unreported)

    def kill(self, interpreter: int) -> None:
        """End an interpreter and all that it started; answered by `InterpreterExited`."""
        self._kill(interpreter, "")

    def running(self, interpreter: int) -> int:
        """Sequence number of the attempt that runs; 0 for none."""
        process = self._processes.get(interpreter)
        return process.running() if process else 0

    def output(self, interpreter: int) -> Output:
        """Tails of what the running attempt has written so far."""
        process = self._processes.get(interpreter)
        return process.output() if process else Output()

    def trim_outputs(self) -> None:
        """Keep jobs that write without end from filling the memory; call it about once a second."""
        for process in self._processes.values():
            for descriptor in process.files:
                trim(descriptor)

    # ------------------------------------------------------------------ what happens

    def _on_said(self, interpreter: int, messages: list[Any]) -> None:
        self._on_event(InterpreterSaid(interpreter, messages))

    def _on_broken(self, interpreter: int, text: str) -> None:
        """It talks nonsense, or hung up, which nearly always means that it has ended."""
        if text:
            self._kill(interpreter, text)
        elif not self._closing:
            self._loop.call_later(HANG_UP_PATIENCE, self._kill, interpreter, HUNG_UP)

    def _kill(self, interpreter: int, text: str) -> None:
        process = self._processes.get(interpreter)
        if process is None or self._zygotes is None:
            return
        process.killed(text)
        self._zygotes.ask(interpreter, KillRequest(interpreter))

    def _on_ended(self, message: EndReport) -> None:
        status = None if message.text else message.status
        store = self._stores.get(message.interpreter)
        self._bury(message.interpreter, status, message.text)
        if store is not None and message.pid and not self._closing:
            _tidy(store, message.pid)

    def _on_lost(self, interpreters: list[int], text: str) -> None:
        """A zygote is gone and these interpreters with it."""
        for interpreter in interpreters:
            self._processes[interpreter].killed(text, zygote_lost=True)
            self._bury(interpreter, signal.SIGKILL)

    def _bury(self, interpreter: int, status: int | None, text: str = "") -> None:
        process = self._processes[interpreter]
        if text:
            process.killed(text)
        exit_, running, output = process.end(status)
        del self._processes[interpreter]
        self._stores.pop(interpreter, None)
        assert self._zygotes is not None  # it has started it
        self._zygotes.ended(interpreter)
        if not self._closing:
            _remove(self._directory / str(interpreter))
            self._on_event(InterpreterExited(interpreter, exit_, running, output))


def _not_started(interpreter: int, text: str) -> InterpreterExited:
    return InterpreterExited(interpreter, Exit(None, text=text), 0, Output())


def _tidy(store: BlobStore, pid: int) -> None:
    """Delete what an interpreter was writing when it ended, and what it had for itself alone."""
    store.clear(str(pid))
    for directory in store.directories:
        shutil.rmtree(Path(directory, f"read-by-{pid}"), ignore_errors=True)


def _remove(directory: Path) -> None:
    """Delete a working directory; aside if there is something in it, perhaps a million files.

    The thread is a daemon's, so that no exit waits for it: `close` removes what it has not.
    """
    try:
        directory.rmdir()
    except OSError:
        remove = partial(shutil.rmtree, directory, ignore_errors=True)
        try:
            threading.Thread(target=remove, name=f"remove {directory}", daemon=True).start()
        except RuntimeError:  # Python is ending, or there are too many threads
            remove()
