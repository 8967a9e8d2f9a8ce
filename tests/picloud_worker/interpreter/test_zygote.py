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


_LATE = """
import os, socket, subprocess, sys
from picloud_worker.interpreter.zygote import main

ended = subprocess.Popen([sys.executable, "-c", ""])
ended.wait()
control, agent = socket.socketpair()
main(control.detach(), ended.pid, (), {})
"""


def test_a_zygote_whose_agent_has_ended_before_it_could_look_ends_without_a_word() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LATE], capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
