"""What an agent and its zygote say to each other, and the descriptors that go with it."""

import array
import os
import socket

from picloud.protocol.codec import Codec
from picloud.statemachine import value

# ------------------------------------------------------------------ agent to zygote


@value
class ForkRequest:
    """Fork an interpreter that works in this directory; `DESCRIPTORS` descriptors come along."""

    interpreter: int
    directory: str


@value
class RecallRequest:
    """Make the interpreter give back what it has not started."""

    interpreter: int


@value
class KillRequest:
    """End the interpreter and every process below it."""

    interpreter: int


# ------------------------------------------------------------------ zygote to agent


@value
class EndReport:
    """The interpreter and every process below it are gone.

    Attributes:
        status: what waitpid said of it.
        text: why it was never there.
    """

    interpreter: int
    status: int
    text: str = ""


CONTROL = Codec({1: ForkRequest, 2: RecallRequest, 3: KillRequest, 4: EndReport})

DESCRIPTORS = 5
"""Per interpreter: its pipe, the files behind stdout, stderr and logging, the shared page."""

PAGE_SIZE = 4096
"""The shared page. Its first 64-bit words are the running attempt's sequence number (0 for none),
and where its output starts in each of the three files. The interpreter alone writes it."""


def send_descriptors(sock: socket.socket, data: memoryview, descriptors: list[int]) -> int:
    """Send bytes, and descriptors with the first of them; return how many bytes were taken."""
    if not descriptors:
        return sock.send(data)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
    return sock.sendmsg([data], [rights])


def receive_descriptors(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Receive some bytes and the descriptors that came with them; no bytes mean the end."""
    room = socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _flags, _address = sock.recvmsg(1 << 16, room)
    received = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received.frombytes(content[: len(content) - len(content) % received.itemsize])
    for descriptor in received:
        os.set_inheritable(descriptor, False)
    return data, list(received)
