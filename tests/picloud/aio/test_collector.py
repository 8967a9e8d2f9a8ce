"""The pace of the collector, in a process of its own: it is the whole process's."""

import subprocess
import sys

_PROGRAM = """
import gc
from picloud.aio.collector import ALLOCATIONS, collect_rarely

class Circle:
    def __init__(self):
        self.itself = self

before = gc.get_threshold()
collect_rarely()
assert gc.get_threshold() == (ALLOCATIONS, *before[1:]) > before
assert gc.get_freeze_count() > 0
circles = [Circle() for _ in range(100)]
del circles
assert gc.collect() >= 100, "circles are still found"
"""


def test_it_looks_less_often_and_not_at_what_is_loaded() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
