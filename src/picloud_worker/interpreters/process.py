"""One interpreter as the agent sees it: its pipe and line, its output files, its shared page."""

import asyncio
import contextlib
import fcntl
import mmap
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picloud_worker.core.events import Exit, Output
from picloud_worker.interpreter.control import (
    EXIT_UNREPORTABLE,
    RECALLED,
    REVOKED,
    ROBBED,
    RUNNING,
    SAID,
    SHARED_SIZE,
    STARTS,
    shared_views,
)
from picloud_worker.interpreter.output import read_tail
from picloud_worker.interpreter.unreported import UnreportedReader
from picloud_worker.interpreters.framed_socket import FramedSocket, HasMessages
from picloud_worker.pipe.line import LINE, LINE_IN, Asleep
from picloud_worker.pipe.messages import PIPE, PIPE_IN, RunAttempts

HUNG_UP = "the job has closed the descriptors of its interpreter"


class InterpreterProcess:
    """The agent's ends of all that it shares with one interpreter.

    Args:
        on_messages: called with what the interpreter says.
        on_words: called with what the attempt says that it runs, always before what the
            interpreter says of the end of that attempt.
        on_broken: called once when nothing more can come, with a text if that is the
            interpreter's fault, without if it has most likely ended.

    Attributes:
        files: descriptors of what attempts write to stdout, stderr and logging.
    """

    def __init__(
        self,
        on_messages: HasMessages,
        on_words: HasMessages,
        on_broken: Callable[[str], None],
    ) -> None:
        self._on_messages = on_messages
        self._on_words = on_words
        self._on_broken = on_broken
        self._broken = False
        self._fell_asleep = False
        self._said = 0  # the word SAID as it was when the line was last looked into
        self._sent = 0  # attempts, those included that the pipe does not take yet
        self._recalls = 0
        self._killed = False
        self._zygote_lost = False
        self._kills_before = _kernel_kills()
        self._text = ""
        with contextlib.ExitStack() as opened:  # all of them, or none
            pipe, far_pipe = _socket_pair(opened)
            line, far_line = _socket_pair(opened)
            self.files = [_open_file(name, opened) for name in ("stdout", "stderr", "logging")]
            shared = _open_shared(opened)
            opened.pop_all()
        self._theirs = [far_pipe.detach(), far_line.detach(), shared]
        self._pipe = FramedSocket(pipe, PIPE, PIPE_IN, on_messages, self._break)
        self._line = FramedSocket(line, LINE, LINE_IN, self._spoke, self._break)
        self._map = mmap.mmap(shared, SHARED_SIZE)
        self._page, self._area = shared_views(memoryview(self._map))
        self._unreported = UnreportedReader(self._page, self._area)

    # ------------------------------------------------------------------ start and end

    def descriptors(self) -> list[int]:
        """What the interpreter gets, in the order that `ForkRequest` promises."""
        pipe, line, shared = self._theirs
        return [pipe, line, *self.files, shared]

    def handed_over(self) -> None:
        """The descriptors are on their way: close what only the interpreter needs."""
        for descriptor in self._theirs:
            os.close(descriptor)
        self._theirs = []

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        self._pipe.attach(loop, self._pipe_readable)
        self._line.attach(loop, self._line_readable)

    def killed(self, text: str = "", *, zygote_lost: bool = False) -> None:
        """Note that the coming end is ours, or that its zygote has taken it along."""
        self._zygote_lost = zygote_lost and not self._killed  # else its end was under way
        self._killed = True
        self._text = self._text or text

    def end(self, status: int | None) -> tuple[Exit, int, Output]:
        """Read what is left, let go of everything, and say how the process ended.

        Args:
            status: what waitpid said; None if there never was a process.
        """
        for end in (self._line, self._pipe):
            end.read_waiting()
        self._close_sockets()
        if unreported := self._unreported.messages():
            self._on_messages(unreported)
        last = self._exit(status), self.running(), self.output()
        self.release()
        return last

    def release(self) -> None:
        """Close all descriptors."""
        self._close_sockets()
        self.handed_over()
        for descriptor in self.files:
            os.close(descriptor)
        self._page.release()
        self._area.release()
        self._map.close()

    def _close_sockets(self) -> None:
        self._broken = True  # what breaks now is no news
        self._pipe.close()
        self._line.close()

    def _exit(self, status: int | None) -> Exit:
        if status is None:
            return Exit(None, text=self._text)
        text = self._text or (HUNG_UP if self._page[ROBBED] else "")
        if text:  # what the process made of it, or we of the process, says less
            return Exit(EXIT_UNREPORTABLE, text=text, zygote_lost=self._zygote_lost)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if not number:
            return Exit(os.waitstatus_to_exitcode(status))
        starved = number == signal.SIGKILL and not self._killed
        out_of_memory = starved and _kernel_kills() > self._kills_before
        return Exit(None, number, out_of_memory)

    # ------------------------------------------------------------------ in

    def _pipe_readable(self) -> None:
        # What a job said comes before the news of its end: it lies in the line by now.
        said = self._page[SAID]
        if said != self._said:
            self._said = said
            self._line.read_waiting()
        self._pipe.read()

    def _line_readable(self) -> None:
        self._line.read_waiting()
        if self._fell_asleep:
            self._fell_asleep = False
            # Before it said so it gave its neighbours back: then nothing need be asked of it.
            self._pipe.read_waiting()

    def _spoke(self, messages: list[Any]) -> None:
        self._fell_asleep = self._fell_asleep or Asleep in map(type, messages)
        self._on_words(messages)

    def _break(self, text: str) -> None:
        if not self._broken:
            self._broken = True
            self._on_broken(text)

    # ------------------------------------------------------------------ out

    def send(self, messages: Sequence[object]) -> None:
        """Send messages to the interpreter."""
        for message in messages:
            if type(message) is RunAttempts:
                self._sent += len(message.sequences)
        self._pipe.send(messages)

    def tell(self, messages: Sequence[object]) -> None:
        """Send messages to the attempt that it runs."""
        self._line.send(messages)

    # ------------------------------------------------------------------ what it shares

    def running(self) -> int:
        """Sequence number of the attempt that runs now; 0 for none."""
        return self._page[RUNNING]

    def revoke(self) -> None:
        """Forbid it to start anything of what it was sent so far; see `REVOKED`."""
        self._page[REVOKED] = self._sent

    def note_recall(self) -> None:
        """A recall is about to be sent."""
        self._recalls += 1
        self._page[RECALLED] = self._recalls  # not counted there: the job can write to it, too

    def unreported(self) -> list[Any]:
        """What it has finished and not sent; it will be sent once more if it ever comes to it."""
        return self._unreported.messages()

    def output(self) -> Output:
        """Tails of what the running attempt has written."""
        tails = [
            read_tail(descriptor, self._page[STARTS + place], os.fstat(descriptor).st_size)
            for place, descriptor in enumerate(self.files)
        ]
        return Output(*tails)


def _socket_pair(opened: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        opened.callback(end.close)
    return ends


def _open_shared(opened: contextlib.ExitStack) -> int:
    """The file of the page and the area: a job that made it smaller would end whoever reads it."""
    may_be_sealed = os.MFD_ALLOW_SEALING if sys.platform == "linux" else 0
    descriptor = _open_file("shared", opened, may_be_sealed)
    os.ftruncate(descriptor, SHARED_SIZE)
    if sys.platform == "linux":
        fixed = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fixed)
    return descriptor


def _open_file(name: str, opened: contextlib.ExitStack, flags: int = 0) -> int:
    """An anonymous file in memory where there is such a thing; writes go to its end."""
    if sys.platform == "linux":
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC | flags)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    opened.callback(os.close, descriptor)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor


def _kernel_kills() -> int:
    """How many processes the kernel has ended for want of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
