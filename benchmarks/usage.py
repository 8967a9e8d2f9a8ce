"""What a tree of processes has used: CPU time, context switches, memory. Linux only (/proc)."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SETTLED = 0.002  # memory has settled when it moves by less than this part of itself
_PAUSE = 0.25
_PATIENCE = 30.0


class Usage(NamedTuple):
    """CPU seconds and context switches since the start of the processes."""

    cpu: float
    switches: int

    def since(self, earlier: "Usage") -> "Usage":
        """What was used after `earlier`."""
        return Usage(self.cpu - earlier.cpu, self.switches - earlier.switches)


def tree(root: int) -> list[int]:
    """`root` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is read
        found += children.get(pid, [])
    return found


def of_tree(root: int) -> Usage:
    """What `root` and its living descendants have used so far."""
    pids = tree(root)
    return Usage(sum(map(_cpu, pids)), sum(map(_switches, pids)))


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory that these processes hold (RSS)."""
    return sum(int(stat[21]) * _PAGE for pid in pids if (stat := _stat(pid)))


def settled(pids: Iterable[int]) -> int:
    """`resident`, read when it has stopped to move."""
    known = list(pids)
    before = resident(known)
    for _ in range(int(_PATIENCE / _PAUSE)):
        time.sleep(_PAUSE)
        now = resident(known)
        if abs(now - before) <= _SETTLED * now:
            return now
        before = now
    raise TimeoutError(f"memory still moves after {_PATIENCE:.0f} s")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; nothing when the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu(pid: int) -> float:
    stat = _stat(pid)
    return (int(stat[11]) + int(stat[12])) * _TICK if stat else 0.0


def _switches(pid: int) -> int:
    return sum(map(_switches_of_thread, (_PROC / str(pid) / "task").glob("*/status")))


def _switches_of_thread(status: Path) -> int:
    try:
        lines = status.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if "voluntary_ctxt_switches" in line)
