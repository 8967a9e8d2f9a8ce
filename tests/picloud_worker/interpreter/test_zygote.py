"""A zygote, in a process of its own."""

import subprocess
import sys

_LIVE_AND_END = """
import os, signal, socket
from picloud_worker.interpreter.zygote import Zygote

control, agent = socket.socketpair()
agent.close()
Zygote(control, os.getppid(), ()).run()
print(signal.set_wakeup_fd(-1))
"""


def test_a_zygote_that_has_ended_hears_of_no_child_through_descriptors_that_are_closed():
    """They close as Python ends, when what its interpreters left behind may still be ending."""
    ended = subprocess.run(
        [sys.executable, "-c", _LIVE_AND_END], capture_output=True, text=True, timeout=60
    )

    assert (ended.stdout, ended.stderr) == ("-1\n", "")
