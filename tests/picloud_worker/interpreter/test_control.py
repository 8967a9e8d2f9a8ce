"""Messages with descriptors."""

import os
import socket
from typing import cast

import pytest

from picloud_worker.interpreter.control import (
    CONTROL,
    EndReport,
    ForkRequest,
    KillRequest,
    RecallRequest,
    identity,
    receive_descriptors,
    send_descriptors,
)


def test_each_message_comes_back_equal() -> None:
    messages = [ForkRequest(1, "/d"), RecallRequest(2), KillRequest(3), EndReport(4, 9, "why")]
    assert CONTROL.decode(CONTROL.encode(messages)) == messages


def test_descriptors_travel_with_bytes_and_are_not_inherited() -> None:
    here, there = socket.socketpair()
    file = os.memfd_create("sent")
    with here, there:
        assert send_descriptors(here, memoryview(b"bytes"), [file]) == 5
        data, (received,) = receive_descriptors(there)
        assert data == b"bytes"
        assert os.path.sameopenfile(file, received)
        assert not os.get_inheritable(received)
        here.shutdown(socket.SHUT_WR)
        assert receive_descriptors(there) == (b"", [])
    os.close(file)
    os.close(received)


def test_only_a_closed_descriptor_has_no_identity() -> None:
    file = os.memfd_create("known")
    assert identity(file) == (os.fstat(file).st_dev, os.fstat(file).st_ino)
    os.close(file)
    assert identity(file) == (0, 0)


class Interrupted:
    """A descriptor that is looked at when a signal handler of the job raises."""

    def __index__(self) -> int:
        raise TimeoutError("too slow")


def test_a_time_limit_of_the_job_is_not_taken_for_a_closed_one() -> None:
    with pytest.raises(TimeoutError, match="too slow"):
        identity(cast("int", Interrupted()))
