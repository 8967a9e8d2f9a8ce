"""The zygote as the agent sees it: started once, asked for forks, mourned when it dies."""

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from picloud.protocol.errors import RemoteProtocolError
from picloud_worker.interpreter import processes
from picloud_worker.interpreter.control import CONTROL, send_descriptors
from picloud_worker.interpreters.booting import MARK, BootedZygote
from picloud_worker.pipe.frames import FrameReader, pack_frame

log = logging.getLogger(__name__)

RETRY_TIME = 0.05
"""Seconds until descriptors are sent again that the system did not take."""

CLOSE_PATIENCE = 3.0
"""Seconds that a zygote has to end everything before it is ended itself."""


class ZygoteProcess:
    """A running zygote.

    Args:
        booted: it has just been started.
        on_message: called with what it says.
        on_lost: called once when it is gone, whatever the reason, with a text.
    """

    def __init__(
        self,
        booted: BootedZygote,
        on_message: Callable[[Any], None],  # Any: messages of the control codec
        on_lost: Callable[[str], None],
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._unsent: deque[tuple[memoryview, list[int], Callable[[], None] | None]] = deque()
        self._mark, self._process, self._control = booted.mark, booted.process, booted.control
        self._pidfd = os.pidfd_open(self._process.pid) if processes.LINUX else -1
        self._gone: asyncio.Future[None] | None = None

    @property
    def is_lost(self) -> bool:
        """True once it is known to be gone."""
        return self._gone is not None and self._gone.done()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen, and say what was queued."""
        self._loop = loop
        self._gone = loop.create_future()
        loop.add_reader(self._control.fileno(), self._readable)
        if self._pidfd >= 0:
            # A fork of the user's program may hold a copy of the zygote's end of the socket.
            loop.add_reader(self._pidfd, self._lose)

    # ------------------------------------------------------------------ out

    def ask(
        self,
        message: object,
        descriptors: list[int] | None = None,
        sent: Callable[[], None] | None = None,
    ) -> None:
        """Send a message, with descriptors; `sent` is called when they may be closed."""
        if self.is_lost:
            return
        frame = memoryview(pack_frame(CONTROL.encode([message])))
        self._unsent.append((frame, descriptors or [], sent))
        self._write()

    def _write(self) -> None:
        if self.is_lost:
            return
        while self._unsent:
            frame, descriptors, sent = self._unsent[0]
            try:
                taken = send_descriptors(self._control, frame, descriptors)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._control.fileno(), self._write)
                return
            except ConnectionError:
                return  # the reader will see that it is gone
            except OSError:  # too many descriptors are on their way, of whatever process
                self._loop.remove_writer(self._control.fileno())  # it would be called all the time
                self._loop.call_later(RETRY_TIME, self._write)
                return
            if taken < len(frame):
                self._unsent[0] = (frame[taken:], [], sent)
                continue
            self._unsent.popleft()
            if sent is not None:
                sent()
        self._loop.remove_writer(self._control.fileno())

    # ------------------------------------------------------------------ in

    def _readable(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if not data:
            self._process.kill()  # it cannot be reached, so it is no use
            self._lose()
            return
        try:
            messages = [each for frame in self._reader.feed(data) for each in CONTROL.decode(frame)]
        except RemoteProtocolError:
            self._process.kill()
            raise
        for message in messages:
            self._on_message(message)

    # ------------------------------------------------------------------ end

    def _lose(self) -> None:
        if self._gone is None or self._gone.done():
            return
        self._gone.set_result(None)
        self._loop.remove_reader(self._control.fileno())
        self._loop.remove_writer(self._control.fileno())
        self._control.close()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        status = self._process.wait()
        try:
            _kill_marked(self._mark)
        except OSError as error:  # no descriptor is left to look with
            log.warning("processes of jobs may have outlived what started them: %s", error)
        self._on_lost(f"the process that starts interpreters has ended with status {status}")

    async def close(self) -> None:
        """End it and everything below it."""
        if self._gone is None:  # never attached
            self._control.close()
            self._process.wait()
            return
        if self._gone.done():
            return
        self._control.shutdown(socket.SHUT_RDWR)
        self._loop.remove_reader(self._control.fileno())  # only its end counts now
        if self._pidfd < 0:
            await self._wait_without_pidfd()
            return
        try:
            # Not `wait_for`, which loses a wish to cancel that comes at the same moment.
            async with asyncio.timeout(CLOSE_PATIENCE):
                await asyncio.shield(self._gone)
        except TimeoutError:
            self._process.kill()
            await self._gone

    async def _wait_without_pidfd(self) -> None:
        deadline = self._loop.time() + CLOSE_PATIENCE
        while self._process.poll() is None:
            if self._loop.time() > deadline:
                self._process.kill()
            await asyncio.sleep(0.005)
        self._lose()


def _kill_marked(mark: str) -> None:
    """End what a zygote has left behind that did not live to do it itself."""
    if not processes.LINUX:
        return
    wanted = f"{MARK}={mark}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and wanted in _environment(entry.path).split(b"\0"):
            processes.send_signal(int(entry.name), processes.KILL)


def _environment(process: str) -> bytes:
    try:
        return Path(process, "environ").read_bytes()
    except OSError:
        return b""  # it has ended, or is not ours
