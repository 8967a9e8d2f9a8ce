"""The zygote: a small process that has everything imported and forks interpreters from itself.

It has one thread and no secret, reads nothing that users sent, and outlives none of the others:
when its agent goes, it takes all interpreters and all their processes along.
"""

import contextlib
import gc
import importlib
import mmap
import os
import selectors
import shutil
import signal
import socket
import sys
import types
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from picloud import inside
from picloud.code import classes
from picloud.code.modules.own_modules import is_installed
from picloud_worker.interpreter import fresh_imports, processes
from picloud_worker.interpreter.control import (
    CONTROL,
    DESCRIPTORS,
    SHARED_SIZE,
    EndReport,
    ForkRequest,
    KillRequest,
    RecallRequest,
    receive_descriptors,
)
from picloud_worker.interpreter.loop import InterpreterLoop
from picloud_worker.pipe.frames import FrameReader, pack_frame

LOOK_AFTER_AGENT = 0.5
"""Seconds between two looks for the agent where the kernel cannot tell of its end."""

LOOK_AFTER_STRAYS = 0.02
"""Seconds between two attempts to end processes that do not end."""

_PRELOADED = (
    "picloud.protocol.wire",
    "picloud_worker.pipe.line",
    "picloud.nested",
    "picloud.default_verbs",
)
"""What jobs need that use the cloud: loaded here once, forks find it in memory that they share."""

_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Sent to everything when a terminal or a service ends; the agent decides what comes of it."""


class Zygote:
    """Forks, recalls, kills and reaps interpreters as the agent asks."""

    def __init__(self, control: socket.socket, agent: int, stores: Sequence[str] = ()) -> None:
        self._control = control
        self._agent = agent
        self._stores = stores
        self._reader = FrameReader()
        self._descriptors: deque[int] = deque()
        self._pids: dict[int, int] = {}  # interpreter -> pid
        self._directories: dict[int, str] = {}
        self._ended: list[EndReport] = []  # reaped, their strays perhaps not yet
        self._selector = selectors.DefaultSelector()
        self._own: list[int] = []  # descriptors that interpreters must not have

    # ------------------------------------------------------------------ life

    def run(self) -> None:
        """Serve the agent until it is gone, then end everything."""
        processes.become_subreaper()
        self._watch()
        for name in _PRELOADED:
            importlib.import_module(name)
        is_installed("")  # looks for Python's directories, for all forks
        gc.collect()
        gc.freeze()
        try:
            with contextlib.suppress(ConnectionError):  # the agent went while it was spoken to
                self._serve_agent()
        finally:
            self._end_all()
        # The agent is gone, or has no more use for them: nothing is to stay in memory.
        _remove(self._stores)

    def _serve_agent(self) -> None:
        while os.getppid() == self._agent:
            timeout = LOOK_AFTER_STRAYS if self._ended else self._agent_timeout
            ready = {key.data for key, _ in self._selector.select(timeout)}
            if "agent" in ready or ("control" in ready and not self._serve()):
                break
            self._reap()

    def _watch(self) -> None:
        """Register what wakes the loop: the agent's words, its end, the end of children."""
        self._selector.register(self._control, selectors.EVENT_READ, "control")
        self._own.append(self._control.fileno())
        self._agent_timeout: float | None = LOOK_AFTER_AGENT
        if processes.LINUX:
            # The socket alone will not do: a fork of the user's program may hold its other end.
            with contextlib.suppress(ProcessLookupError):  # it has ended: this will be seen at once
                agent = os.pidfd_open(self._agent)
                self._selector.register(agent, selectors.EVENT_READ, "agent")
                self._own.append(agent)
                self._agent_timeout = None
        self._alarm, alarm_end = socket.socketpair()
        for end in (self._alarm, alarm_end):
            end.setblocking(False)
            self._own.append(end.fileno())
        self._alarm_end = alarm_end
        for number in _NOT_FOR_US:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(alarm_end.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._alarm, selectors.EVENT_READ, "child")

    def _serve(self) -> bool:
        """Do what the agent asks; False when it has hung up."""
        data, descriptors = receive_descriptors(self._control)
        if not data:
            return False
        self._descriptors.extend(descriptors)
        for frame in self._reader.feed(data):
            for message in CONTROL.decode(frame):
                match message:
                    case ForkRequest():
                        self._fork(message)
                    case RecallRequest(interpreter) if interpreter in self._pids:
                        os.kill(self._pids[interpreter], signal.SIGURG)
                    case KillRequest(interpreter) if interpreter in self._pids:
                        processes.kill_tree(self._pids[interpreter])
                    case _:
                        continue  # it has ended, and the agent will hear of it
        return True

    # ------------------------------------------------------------------ birth

    def _fork(self, request: ForkRequest) -> None:
        descriptors = [self._descriptors.popleft() for _ in range(DESCRIPTORS)]
        # A recall that comes before the handler is there has to wait for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # too many processes, or no memory for one more
            self._report(EndReport(request.interpreter, 0, f"it could not be forked: {error}"))
        else:
            if pid == 0:
                self._live_as_interpreter(zygote, descriptors, request)
            self._pids[request.interpreter] = pid
            self._directories[request.interpreter] = request.directory
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGURG})
        for descriptor in descriptors:
            os.close(descriptor)

    def _live_as_interpreter(
        self, zygote: int, descriptors: list[int], request: ForkRequest
    ) -> NoReturn:
        try:
            self._become_interpreter(zygote, descriptors, request)
        except BaseException:  # noqa: BLE001 - shown, and never to go on as a second zygote
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    def _become_interpreter(
        self, zygote: int, descriptors: list[int], request: ForkRequest
    ) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *_NOT_FOR_US):
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        for descriptor in self._own:
            os.close(descriptor)
        os.setsid()
        processes.become_subreaper()
        processes.die_with(zygote)
        _forget_the_program()
        serve_pipe(descriptors, request.directory, request.tree, request.store or ())

    # ------------------------------------------------------------------ death

    def _reap(self) -> None:
        """Collect the dead; report interpreters once nothing of theirs is left."""
        with contextlib.suppress(BlockingIOError):
            self._alarm.recv(4096)
        numbers = {pid: interpreter for interpreter, pid in self._pids.items()}
        for pid, status in _dead_children():
            if pid in numbers:
                self._ended.append(EndReport(numbers[pid], status, pid=pid))
                del self._pids[numbers[pid]]
        if self._ended and self._end_strays():
            ended, self._ended = self._ended, []
            for report in ended:
                self._directories.pop(report.interpreter)
                self._report(report)

    def _report(self, report: EndReport) -> None:
        self._control.sendall(pack_frame(CONTROL.encode([report])))

    def _end_strays(self) -> bool:
        """Kill what ended interpreters left to us; True when nothing of it is alive."""
        return processes.kill_descendants(os.getpid(), set(self._pids.values()))

    def _end_all(self) -> None:
        signal.set_wakeup_fd(-1)  # the last children may end when its socket is closed
        for pid in self._pids.values():
            processes.kill_tree(pid)
        processes.kill_descendants(os.getpid())
        _remove(self._directories.values())


def _remove(directories: Iterable[str]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _dead_children() -> list[tuple[int, int]]:
    found = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found.append((pid, status))
    return found


def serve_pipe(
    descriptors: list[int], directory: str, tree: str, store: Sequence[str] = ()
) -> NoReturn:
    """Be an interpreter on these descriptors."""
    if tree:
        sys.path.insert(0, tree)
    fresh_imports.install(tree)
    pipe, line, stdout, stderr, log, memory = descriptors
    shared = memoryview(mmap.mmap(memory, SHARED_SIZE))
    os.close(memory)
    sock = socket.socket(fileno=pipe)
    sock.setblocking(True)
    loop = InterpreterLoop(sock, socket.socket(fileno=line), (stdout, stderr, log), shared, store)
    inside.line = loop.line
    gc.enable()
    loop.run(directory, tree)


def _forget_the_program() -> None:
    """Jobs have no `__main__`, and no arguments."""
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv[:] = [""]


def main(control: int, agent: int, stores: Sequence[str], most_cores: Mapping[str, int]) -> None:
    """Be a zygote.

    Args:
        control: the descriptor of its socket.
        agent: its parent's process id.
        stores: directories that are to be gone when the agent is.
        most_cores: what jobs may ask for, by core type; empty if that is not known.
    """
    gc.disable()
    inside.most_cores = most_cores
    classes.renews = True
    Zygote(socket.socket(fileno=control), agent, stores).run()
