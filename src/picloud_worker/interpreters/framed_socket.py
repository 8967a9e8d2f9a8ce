"""One end of a socket to an interpreter: whole messages in, and out what the socket takes."""

import asyncio
import fcntl
import socket
import struct
import termios
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from picloud.protocol.codec import Codec
from picloud.protocol.errors import RemoteProtocolError
from picloud_worker.pipe.frames import FrameReader, pack_frame

RECEIVE_BYTES = 1 << 16
"""A larger buffer is mapped and unmapped at each call: 20 µs more for a round trip of 60."""

HasMessages = Callable[[list[Any]], None]  # Any: messages of the codec, which has checked them


class FramedSocket:
    """Frames over a socket that never blocks.

    Args:
        says: encodes what is sent.
        hears: decodes what comes, and nothing else.
        on_messages: called with what the other side says.
        on_broken: called once when nothing more can come, with a text if that is the other
            side's fault, without if it has most likely ended.
    """

    def __init__(
        self,
        end: socket.socket,
        says: Codec,
        hears: Codec,
        on_messages: HasMessages,
        on_broken: Callable[[str], None],
    ) -> None:
        self._socket = end
        self._says = says
        self._hears = hears
        self._on_messages = on_messages
        self._on_broken = on_broken
        self._reader = FrameReader()
        self._unsent: deque[memoryview] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_open = True
        end.setblocking(False)

    def attach(self, loop: asyncio.AbstractEventLoop, readable: Callable[[], object]) -> None:
        """Have `readable`, which is to call `read`, called whenever there is something."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), readable)

    def close(self) -> None:
        """Let go of the socket."""
        if self.is_open:
            self.is_open = False
            self._unsent.clear()
            if self._loop is not None:
                self._loop.remove_reader(self._socket.fileno())
                self._loop.remove_writer(self._socket.fileno())
            self._socket.close()

    # ------------------------------------------------------------------ in

    def read_waiting(self) -> None:
        """Take what is there by now, not what comes meanwhile: a job may write without end."""
        if not self.is_open:
            return
        waiting = struct.unpack("i", fcntl.ioctl(self._socket, termios.FIONREAD, bytes(4)))[0]
        while taken := self.read():
            waiting -= taken
            if waiting <= 0:
                return

    def read(self) -> int:
        """Take one piece of what there is; return its size in bytes."""
        if not self.is_open:
            return 0
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return 0
        except ConnectionError:  # it has ended with something unread
            self._break("")
            return 0
        if not data:
            self._break("")
            return 0
        try:
            frames = self._reader.feed(data)
            messages = [each for frame in frames for each in self._hears.decode(frame)]
        except RemoteProtocolError as error:
            self._break(f"the interpreter sent what no interpreter of ours sends: {error}")
            return 0
        if messages:
            self._on_messages(messages)
        return len(data)

    def _break(self, text: str) -> None:
        self.close()
        self._on_broken(text)

    # ------------------------------------------------------------------ out

    def send(self, messages: Sequence[object]) -> None:
        """Send one frame, more if they are large, or keep what the socket does not take now."""
        if not self.is_open:
            return
        frame = memoryview(b"".join(map(pack_frame, self._says.encode_frames(messages))))
        if not self._unsent:
            frame = frame[self._write(frame) :]
            if not frame:
                return
            assert self._loop is not None  # attached before anything is sent
            self._loop.add_writer(self._socket.fileno(), self._writable)
        self._unsent.append(frame)

    def _write(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except ConnectionError:
            # Its end is closed: the reader will see that, after what it said before.
            return len(data)

    def _writable(self) -> None:
        while self._unsent:
            frame = self._unsent[0]
            sent = self._write(frame)
            if sent < len(frame):
                self._unsent[0] = frame[sent:]
                return
            self._unsent.popleft()
        assert self._loop is not None  # it has called this
        self._loop.remove_writer(self._socket.fileno())
