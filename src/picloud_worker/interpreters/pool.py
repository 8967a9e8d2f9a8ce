"""All interpreters of a worker: started, spoken to, killed; every end is reported once."""

import asyncio
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from picloud.protocol.environments import Environment
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
from picloud_worker.interpreters.environments import EnvironmentStore
from picloud_worker.interpreters.process import HUNG_UP, InterpreterProcess
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.interpreters.trees import TreeStore
from picloud_worker.interpreters.zygotes import MAX_IDLE, Zygote, remove_links, settings_in

HANG_UP_PATIENCE = 0.5
"""Seconds that an interpreter has to end after its pipe was closed."""

OnEvent = Callable[[InterpreterSaid | AttemptSpoke | InterpreterExited | BuildEnded], None]


class Interpreters:
    """The interpreters of one worker, by the numbers that its core gives them.

    `on_event` is never called from inside one of these methods, only from the loop.
    """

    def __init__(self, settings: InterpreterSettings, on_event: OnEvent) -> None:
        self._settings = settings
        self._on_event = on_event
        self._directory = Path(settings.state_dir, "interpreters")
        self._modules = Path(settings.state_dir, "modules")
        self._zygotes: dict[str, Zygote] = {}  # by environment, the last one used last
        self._zygote_of: dict[int, Zygote] = {}
        self._processes: dict[int, InterpreterProcess] = {}
        self._ending: set[asyncio.Task[None]] = set()  # zygotes of environments that are let go
        self._closing = False

    # ------------------------------------------------------------------ life

    def spawn(self) -> None:
        """Start the zygote. It boots while the caller goes on."""
        shutil.rmtree(self._directory, ignore_errors=True)  # of an agent that was killed
        self._directory.mkdir(parents=True)
        self.trees = TreeStore(self._modules)
        place = self._settings.environments or str(Path(self._settings.state_dir, "environments"))
        self.environments = EnvironmentStore(Path(place), self._on_event)
        self._zygotes[""] = self._new_zygote(self._settings)

    async def start(self) -> None:
        """Attach to the running loop."""
        self._loop = asyncio.get_running_loop()
        if not self._zygotes:
            self.spawn()
        self._zygotes[""].attach(self._loop)
        self.environments.attach(self._loop.call_soon_threadsafe)

    async def close(self) -> None:
        """End all interpreters, with everything they started. No events come any more."""
        self._closing = True
        if self._zygotes:
            self.environments.close()
        await asyncio.gather(*self._ending, *(one.close() for one in self._zygotes.values()))
        for process in self._processes.values():
            process.release()
        self._processes.clear()
        # In place: when Python ends, no thread can be started. Threads that remove the same do no
        # harm, since each file is gone when the first of the two has come by.
        for each in (self._directory, self._modules):
            shutil.rmtree(each, ignore_errors=True)
        remove_links(self._settings)

    # ------------------------------------------------------------------ what the core asks for

    def start_interpreter(
        self, interpreter: int, tree: bytes = b"", environment: str = ""
    ) -> None:
        """Fork an interpreter that imports from a tree; messages for it may be sent at once.

        It has the packages of an environment that is built, or those of this worker.
        """
        zygote = self._zygote_for(environment)
        living = zygote.living()
        if living is None:
            text = "the process that starts interpreters keeps ending"
            self._loop.call_soon(self._on_event, _not_started(interpreter, text))
            return
        directory = self._directory / str(interpreter)
        try:
            path = self.trees.path_of(tree) if tree else ""
            directory.mkdir(mode=0o700)
            process = InterpreterProcess(
                partial(self._on_said, interpreter),
                lambda words: self._on_event(AttemptSpoke(interpreter, words)),
                partial(self._on_broken, interpreter),
            )
        except OSError as error:  # too many open files, or a full disk
            text = f"an interpreter cannot be started: {error}"
            self._loop.call_soon(self._on_event, _not_started(interpreter, text))
            return
        self._processes[interpreter] = process
        process.attach(self._loop)
        request = ForkRequest(interpreter, str(directory), path)
        self._zygote_of[interpreter] = zygote
        zygote.interpreters.add(interpreter)
        living.ask(request, process.descriptors(), process.handed_over)

    def build_environment(self, environment: Environment) -> None:
        """Build an environment, or find it built; a `BuildEnded` follows."""
        self.environments.build(environment)

    def release_environment(self, digest: str) -> None:
        """End what is left of its interpreters; it may be removed then."""
        zygote = self._zygotes.pop(digest, None)
        if zygote is not None:
            self._end_aside(zygote)
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
        if interpreter in self._processes:
            self._zygote_of[interpreter].ask(RecallRequest(interpreter))

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
            process.trim()

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
        if process is None:
            return
        process.killed(text)
        self._zygote_of[interpreter].ask(KillRequest(interpreter))

    def _on_ended(self, message: EndReport) -> None:
        status = None if message.text else message.status
        self._bury(message.interpreter, status, message.text)

    def _on_lost(self, zygote: Zygote, text: str) -> None:
        """A zygote is gone and every interpreter of it with it."""
        if self._closing:
            return
        for interpreter in list(zygote.interpreters):
            self._processes[interpreter].killed(text, zygote_lost=True)
            self._bury(interpreter, signal.SIGKILL)
        zygote.living()  # it boots meanwhile

    # ------------------------------------------------------------------ zygotes

    def _zygote_for(self, environment: str) -> Zygote:
        """The zygote of an environment, started now if there is none."""
        zygote = self._zygotes.pop(environment, None)
        if zygote is None:
            place = self.environments.place_of(environment)
            zygote = self._new_zygote(settings_in(self._settings, place))
            zygote.attach(self._loop)
        self._zygotes[environment] = zygote
        idle = [one for one, it in self._zygotes.items() if one and not it.interpreters]
        for surplus in idle[: -MAX_IDLE - 1]:
            self._end_aside(self._zygotes.pop(surplus))
        return zygote

    def _new_zygote(self, settings: InterpreterSettings) -> Zygote:
        return Zygote(settings, self._on_ended, self._on_lost)

    def _end_aside(self, zygote: Zygote) -> None:
        task = self._loop.create_task(zygote.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _bury(self, interpreter: int, status: int | None, text: str = "") -> None:
        process = self._processes[interpreter]
        if text:
            process.killed(text)
        exit_, running, output = process.end(status)
        del self._processes[interpreter]
        self._zygote_of.pop(interpreter).interpreters.discard(interpreter)
        if not self._closing:
            _remove(self._directory / str(interpreter))
            self._on_event(InterpreterExited(interpreter, exit_, running, output))


def _not_started(interpreter: int, text: str) -> InterpreterExited:
    return InterpreterExited(interpreter, Exit(None, text=text), 0, Output())


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
