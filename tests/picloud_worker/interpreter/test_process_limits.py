"""Limits that a job has changed, in a process of its own."""

import subprocess
import sys

_LOWERED = """
import os, resource
from picloud_worker.interpreter.process_limits import ProcessLimits

limits = ProcessLimits()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, {hard}))
if os.getuid() == 0:
    os.setuid(65534)  # others may not raise what was lowered
print(limits.restore())
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard))
"""


def _said_after(hard: str) -> list[str]:
    program = [sys.executable, "-c", _LOWERED.replace("{hard}", hard)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_a_soft_limit_can_be_put_back_by_anybody() -> None:
    assert _said_after("hard") == ["", "True"]


def test_a_limit_that_cannot_be_put_back_is_told() -> None:
    said, is_back = _said_after("hard - 1")
    assert "other limits of the process" in said
    assert is_back == "False"
