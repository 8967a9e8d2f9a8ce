"""The socket under an interpreter's line, guarded against what jobs do to their process.

A signal handler of the job may raise through every wait. It must not do so between the moment
when bytes are taken from the socket and the one when they are kept, nor amid a frame that is being
sent; there signals are blocked. A recall does not come here: it uses the pipe alone.
"""

# What `signal` wraps into enums, which takes 30 times as long. It has no stubs.
import _signal  # type: ignore[import-not-found]
import _thread
import math
import os
import select
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from picloud_worker.interpreter.control import SAID, identity
from picloud_worker.pipe.frames import FrameReader, pack_frame

T = TypeVar("T")

RECEIVE_BYTES = 1 << 16

_FATAL = {_signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL, _signal.SIGABRT}
_SIGNALS = frozenset(set(_signal.valid_signals()) - _FATAL)


class LineSocket:
    """Messages of the line's codec, out together and in as they come.

    Args:
        end: the socket.
        page: the shared page, where messages are counted.

    Attributes:
        fd: its descriptor.
        arrived: messages that were taken from the socket and nobody has heard yet.
        is_forked: this is a child of the job, which shares the socket and must not use it.
    """

    def __init__(self, end: socket.socket, page: memoryview) -> None:
        end.setblocking(True)
        self.fd = end.fileno()
        self.arrived: deque[Any] = deque()
        self.is_forked = False
        self._socket = end
        self._page = page
        self._identity = identity(self.fd)
        self._main = _thread.get_ident()
        self._reader = FrameReader()
        self._outgoing: deque[bytes] = deque()
        self._sending = _thread.allocate_lock()
        self._receiving = _thread.allocate_lock()
        os.register_at_fork(after_in_child=self._on_fork)

    def check(self) -> None:
        """See that it can be used.

        Raises:
            CloudException: it cannot, and the text says why.
        """
        from picloud.errors import CloudException

        if self.is_forked:
            raise CloudException(
                "a process that a job has forked cannot use the cloud",
                hint="do so in the job's own process",
            )
        if identity(self.fd) != self._identity:
            raise CloudException("the job has closed the descriptors of its interpreter")

    def put(self, message: object) -> None:
        """Have a message sent with the next `send`."""
        from picloud_worker.pipe.line import LINE

        self._outgoing.append(pack_frame(LINE.encode([message])))

    def send(self) -> None:
        """Send what was put; it is with the agent, or in the socket, when this returns.

        Another thread may be about to send it with its own.
        """
        if self._outgoing or self._sending.locked():
            self.undisturbed(self._write)

    def receive(self) -> bool:
        """Take in one piece of what there is; False if there is nothing."""
        from picloud_worker.pipe.line import LINE

        with self._receiving:
            try:
                data = self._socket.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            if not data:
                from picloud.errors import ConnectionLost

                raise ConnectionLost("the worker is gone")
            for frame in self._reader.feed(data):
                self.arrived.extend(LINE.decode(frame))
        return True

    def wait(self, deadline: float | None) -> None:
        """Sleep until something can be received, or until this moment."""
        poll = select.poll()  # one must not be used by two threads, or again in a signal handler
        poll.register(self.fd, select.POLLIN)
        poll.poll(None if deadline is None else math.ceil(seconds_until(deadline) * 1000))

    def undisturbed(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that no signal handler of the job may interrupt, or raise through."""
        if _thread.get_ident() != self._main:
            return function(*args)  # handlers run in the main thread
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        try:
            _signal.pthread_sigmask(_signal.SIG_BLOCK, _SIGNALS)
            return function(*args)
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _write(self) -> None:
        with self._sending:
            outgoing = [self._outgoing.popleft() for _ in range(len(self._outgoing))]
            if outgoing:
                self._page[SAID] += 1
                self._socket.sendall(b"".join(outgoing))
                self._page[SAID] += 1

    def _on_fork(self) -> None:
        self.is_forked = True


def seconds_until(deadline: float) -> float:
    """How long it is until this moment; 0 if it is over."""
    return max(0.0, deadline - monotonic())
