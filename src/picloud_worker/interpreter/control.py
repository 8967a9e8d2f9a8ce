"""What an agent and its zygote say to each other, and the descriptors that go with it."""

import array
import errno
import os
import socket

from picloud.protocol.codec import Codec
from picloud.statemachine import value

# ------------------------------------------------------------------ agent to zygote


@value
class ForkRequest:
    """Fork an interpreter that works in this directory; `DESCRIPTORS` descriptors come along.

    It imports from the directory `tree` first, if it is not empty.

    Attributes:
        store: the directories of its owner's store; None if its jobs have none.
    """

    interpreter: int
    directory: str
    tree: str = ""
    store: list[str] | None = None


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
        pid: what it was as a process; 0 if it never was one.
    """

    interpreter: int
    status: int
    text: str = ""
    pid: int = 0


CONTROL = Codec({1: ForkRequest, 2: RecallRequest, 3: KillRequest, 4: EndReport})

DESCRIPTORS = 6
"""Per interpreter: its pipe, its line, the files behind stdout, stderr and logging, the shared
memory."""

PAGE_SIZE = 4096
"""The shared page, in 64-bit words, each of which one side alone writes. An aligned word is read
and written whole."""

RUNNING = 0
"""Sequence number of the attempt that runs, 0 for none. It stays until the results up to it have
been sent, so whoever reads it knows that all those before it have finished."""

STARTS = 1
"""Three words: where the running attempt's output starts in each of the three files."""

REVOKED = 4
"""The agent's word: of all attempts ever sent to this interpreter, the first so many must not be
started any more. A job that hears no signal cannot keep the others back by this.

The interpreter, before it starts an attempt, writes `RUNNING` and then reads `REVOKED`; the agent
writes `REVOKED`, waits, and then reads `RUNNING`. If the interpreter read the old word and so
started an attempt, it had written that attempt's number before; nothing but the processor's store
buffer can keep the number from the agent, and that for less than a microsecond, where the agent
waits for 25 ms. If it read the new word, it gives the attempt back. It may rest between the
two steps for as long as it likes: then the agent takes for running what is about to be given
back. So what the agent sees running is the last that ran, or a later one, and those behind it are
free. The word only grows, so there is no moment at which it is reset and could be missed; a count
also tells what was sent before from what was sent after, whatever waits unread in the pipe.
"""

ROBBED = 5
"""1 when the interpreter ends because a job has closed its descriptors."""

UNREPORTED = 6
"""How much of the area behind the page is in use; see `unreported`."""

SAID = 7
"""Grows before and after each message that a job puts into the line: as long as it stays the same,
the agent need not look into the line before it takes what comes by the pipe.

Only after would do for what a job said before its end. But the agent may be woken by the message
itself, before its sender goes on.
"""

RECALLED = 8
"""How many recalls the agent has sent. A signal may come late, when what it asks for was told
already, together with the answer to a revocation; then it asks for nothing."""

SHARED_SIZE = PAGE_SIZE + (1 << 18)
"""The page, and the area behind it; a part of it that is never used takes no memory."""


def shared_views(shared: memoryview) -> tuple[memoryview, memoryview]:
    """The words of the page, and the bytes of the area."""
    return shared[:PAGE_SIZE].cast("Q"), shared[PAGE_SIZE:]


def identity(descriptor: int) -> tuple[int, int]:
    """What is behind a descriptor; zeros if it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError as error:
        # A TimeoutError is one, too, and a signal handler of the job may raise that here.
        if error.errno != errno.EBADF:
            raise
        return 0, 0
    return status.st_dev, status.st_ino


EXIT_UNREPORTABLE = 70
"""Exit status of an interpreter that cannot do its work any more: EX_SOFTWARE of sysexits.h."""


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
