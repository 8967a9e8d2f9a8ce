"""W1, W1call and W3: many jobs at once."""

import os
from collections.abc import Callable
from time import perf_counter

from benchmarks import jobs, usage
from benchmarks.contenders import Contender
from benchmarks.contenders.base import WORKERS, Handles
from benchmarks.workloads.base import Figures, check, scaled, warm

_NOOPS = 10_000
_SPINS = 2_000
_SPIN_SECONDS = 0.005


def noops_by_map(contender: Contender, scale: float) -> Figures:
    """W1: no-op jobs, each with a handle, in the contender's best way."""
    count = scaled(_NOOPS, scale)
    return _noops(contender, count, lambda: contender.map(contender.functions.noop, range(count)))


def noops_by_call(contender: Contender, scale: float) -> Figures:
    """W1call: the same by a loop that submits one job at a time."""
    count = scaled(_NOOPS, scale)
    noop = contender.functions.noop
    return _noops(contender, count, lambda: [contender.submit(noop, i) for i in range(count)])


def _noops(contender: Contender, count: int, submit: Callable[[], Handles]) -> Figures:
    with warm(contender):
        before = usage.of_tree(os.getpid())
        started = perf_counter()
        handles = submit()
        submitted = perf_counter()
        values = contender.gather(handles)
        ended = perf_counter()
        used = usage.of_tree(os.getpid()).since(before)
    check(values, count)
    return {
        "jobs_per_s": count / (ended - started),
        "submit_per_s": count / (submitted - started),
        "cpu_us": used.cpu / count * 1e6,
        "switches": used.switches / count,
    }


def spins(contender: Contender, scale: float) -> Figures:
    """W3: jobs of 5 ms CPU, against the same work in two bare processes."""
    count = scaled(_SPINS, scale) // WORKERS * WORKERS
    loops = _loops_of(_SPIN_SECONDS)
    before = _bare(count, loops)
    with warm(contender):
        started = perf_counter()
        contender.gather(contender.map(contender.functions.spin, [loops] * count))
        wall = perf_counter() - started
    bare = (before + _bare(count, loops)) / 2
    return {"efficiency": bare / wall, "wall_s": wall, "bare_s": bare}


def _loops_of(seconds: float) -> int:
    """How many loops of `spin` take so long when nothing disturbs."""
    probe = 50_000
    return round(probe * seconds / min(_time_of(probe) for _ in range(20)))


def _time_of(loops: int) -> float:
    started = perf_counter()
    jobs.spin(loops)
    return perf_counter() - started


def _bare(count: int, loops: int) -> float:
    """Seconds for the work in forked processes that share nothing and wait for nothing."""
    started = perf_counter()
    pids = [_fork(count // WORKERS, loops) for _ in range(WORKERS)]
    for pid in pids:
        os.waitpid(pid, 0)
    return perf_counter() - started


def _fork(count: int, loops: int) -> int:
    if pid := os.fork():
        return pid
    for _ in range(count):
        jobs.spin(loops)
    os._exit(0)
