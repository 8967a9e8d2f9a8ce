"""One interpreter as the agent sees it: its pipe, its output files, its shared page."""

import asyncio
import contextlib
import fcntl
import mmap
import os
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picloud.protocol.errors import RemoteProtocolError
from picloud_worker.core.events import Exit, Output
from picloud_worker.interpreter.control import (
    EXIT_UNREPORTABLE,
    REVOKED,
    ROBBED,
    RUNNING,
    SHARED_SIZE,
    STARTS,
    shared_views,
)
from picloud_worker.interpreter.output import read_tail
from picloud_worker.interpreter.unreported import UnreportedReader
from picloud_worker.interpreters.trimming import trim
from picloud_worker.pipe.frames import FrameReader, pack_frame
from picloud_worker.pipe.messages import PIPE, RunAttempts

RECEIVE_BYTES = 1 << 16
"""A larger buffer is mapped and unmapped at each call: 20 µs more for a round trip of 60."""

HUNG_UP = "the job has closed the descriptors of its interpreter"

HasMessages = Callable[[list[Any]], None]  # Any: messages of the pipe, checked by its codec


class InterpreterProcess:
    """The agent's ends of all that it shares with one interpreter.

    Args:
        on_messages: called with what the interpreter says.
        on_broken: called once when nothing more can come through the pipe, with a text if that
            is the interpreter's fault, without if it has most likely ended.
    """

    def __init__(self, on_messages: HasMessages, on_broken: Callable[[str], None]) -> None:
        self._on_messages = on_messages
        self._on_broken = on_broken
        self._reader = FrameReader()
        self._unsent: deque[memoryview] = deque()
        self._open = True
        self._sent = 0  # attempts, those included that the pipe does not take yet
        self._killed = False
        self._kills_before = _kernel_kills()
        self._text = ""
        with contextlib.ExitStack() as opened:  # all of them, or none
            self._pipe, far_end = socket.socketpair()
            opened.callback(self._pipe.close)
            opened.callback(far_end.close)
            self._files = [_open_file(name, opened) for name in ("stdout", "stderr", "logging")]
            shared = _open_file("shared", opened)
            opened.pop_all()
        self._theirs = [far_end.detach(), shared]
        self._pipe.setblocking(False)
        os.ftruncate(shared, SHARED_SIZE)
        self._map = mmap.mmap(shared, SHARED_SIZE)
        self._page, self._area = shared_views(memoryview(self._map))
        self._unreported = UnreportedReader(self._page, self._area)

    # ------------------------------------------------------------------ start and end

    def descriptors(self) -> list[int]:
        """What the interpreter gets, in the order that `ForkRequest` promises."""
        pipe, shared = self._theirs
        return [pipe, *self._files, shared]

    def handed_over(self) -> None:
        """The descriptors are on their way: close what only the interpreter needs."""
        for descriptor in self._theirs:
            os.close(descriptor)
        self._theirs = []

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        self._loop = loop
        loop.add_reader(self._pipe.fileno(), self._readable)

    def killed(self, text: str = "") -> None:
        """Note that the coming end is ours."""
        self._killed = True
        self._text = self._text or text

    def end(self, status: int | None) -> tuple[Exit, int, Output]:
        """Read what is left, let go of everything, and say how the process ended.

        Args:
            status: what waitpid said; None if there never was a process.
        """
        while self._open and self._readable():
            continue
        self._close_pipe()
        if unreported := self._unreported.messages():
            self._on_messages(unreported)
        last = self._exit(status), self.running(), self.output()
        self.release()
        return last

    def release(self) -> None:
        """Close all descriptors."""
        self._close_pipe()
        self.handed_over()
        for descriptor in self._files:
            os.close(descriptor)
        self._page.release()
        self._area.release()
        self._map.close()

    def _exit(self, status: int | None) -> Exit:
        if status is None:
            return Exit(None, text=self._text)
        text = self._text or (HUNG_UP if self._page[ROBBED] else "")
        if text:  # what the process made of it, or we of the process, says less
            return Exit(EXIT_UNREPORTABLE, text=text)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if not number:
            return Exit(os.waitstatus_to_exitcode(status))
        starved = number == signal.SIGKILL and not self._killed
        out_of_memory = starved and _kernel_kills() > self._kills_before
        return Exit(None, number, out_of_memory)

    # ------------------------------------------------------------------ in

    def _readable(self) -> bool:
        """Take one piece of what there is; False if there was nothing."""
        try:
            data = self._pipe.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionError as error:
            self._break(str(error))
            return False
        if not data:
            self._break("")
            return False
        try:
            messages = [each for frame in self._reader.feed(data) for each in PIPE.decode(frame)]
        except RemoteProtocolError as error:
            self._break(f"the interpreter sent what no interpreter of ours sends: {error}")
            return False
        if messages:
            self._on_messages(messages)
        return True

    def _break(self, text: str) -> None:
        self._close_pipe()
        self._on_broken(text)

    def _close_pipe(self) -> None:
        if self._open:
            self._open = False
            self._unsent.clear()
            self._loop.remove_reader(self._pipe.fileno())
            self._loop.remove_writer(self._pipe.fileno())
            self._pipe.close()

    # ------------------------------------------------------------------ out

    def send(self, messages: Sequence[object]) -> None:
        """Send one frame, more if they are large, or keep what the pipe does not take now."""
        if not self._open:
            return
        for message in messages:
            if type(message) is RunAttempts:
                self._sent += len(message.sequences)
        frame = memoryview(b"".join(map(pack_frame, PIPE.encode_frames(messages))))
        if not self._unsent:
            frame = frame[self._write(frame) :]
            if not frame:
                return
            if self._open:
                self._loop.add_writer(self._pipe.fileno(), self._writable)
        self._unsent.append(frame)

    def _write(self, data: memoryview) -> int:
        try:
            return self._pipe.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except ConnectionError:
            return 0  # its end is closed: the reader will see that, after what it said before

    def _writable(self) -> None:
        while self._unsent:
            frame = self._unsent[0]
            sent = self._write(frame)
            if sent < len(frame):
                self._unsent[0] = frame[sent:]
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._pipe.fileno())

    # ------------------------------------------------------------------ what it shares

    def running(self) -> int:
        """Sequence number of the attempt that runs now; 0 for none."""
        return self._page[RUNNING]

    def revoke(self) -> None:
        """Forbid it to start anything of what it was sent so far; see `REVOKED`."""
        self._page[REVOKED] = self._sent

    def unreported(self) -> list[Any]:
        """What it has finished and not sent; it will be sent once more if it ever comes to it."""
        return self._unreported.messages()

    def output(self) -> Output:
        """Tails of what the running attempt has written."""
        tails = [
            read_tail(descriptor, self._page[STARTS + place], os.fstat(descriptor).st_size)
            for place, descriptor in enumerate(self._files)
        ]
        return Output(*tails)

    def trim(self) -> None:
        """Give back the memory of output that nobody will read."""
        for descriptor in self._files:
            trim(descriptor)


def _open_file(name: str, opened: contextlib.ExitStack) -> int:
    """An anonymous file in memory where there is such a thing; writes go to its end."""
    if sys.platform == "linux":
        descriptor = os.memfd_create(name)
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
