"""W7: what a queued job costs in memory while no slot is free."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep

from benchmarks import usage
from benchmarks.contenders import Contender
from benchmarks.contenders.base import WORKERS
from benchmarks.workloads.base import Figures, scaled, warm

_QUEUED = 100_000
_PATIENCE = 30.0


def queued_jobs(contender: Contender, scale: float) -> Figures:
    """Growth of the process that holds the queue, and of all processes together."""
    count = scaled(_QUEUED, scale)
    with warm(contender), _all_slots_taken(contender):
        holder = [contender.queue_pid()]
        everyone = usage.tree(os.getpid())
        all_before, holder_before = usage.settled(everyone), usage.resident(holder)
        started = perf_counter()
        handles = contender.map(contender.functions.noop, range(count))
        contender.wait_queued(handles)
        wall = perf_counter() - started
        all_after, holder_after = usage.settled(everyone), usage.resident(holder)
    return {
        "queue_bytes": (holder_after - holder_before) / count,
        "all_bytes": (all_after - all_before) / count,
        "submit_per_s": count / wall,
    }


@contextmanager
def _all_slots_taken(contender: Contender) -> Iterator[None]:
    """One job in each slot that ends when its marker is taken away."""
    with tempfile.TemporaryDirectory() as directory:
        markers = [Path(directory, f"slot-{number}") for number in range(WORKERS)]
        held = [contender.submit(contender.functions.block, str(marker)) for marker in markers]
        _wait_for(markers)
        yield
        del held  # not before: dask forgets a job when its handle goes


def _wait_for(markers: Sequence[Path]) -> None:
    deadline = monotonic() + _PATIENCE
    while missing := [marker.name for marker in markers if not marker.exists()]:
        if monotonic() > deadline:
            raise TimeoutError(f"no job holds {', '.join(missing)} after {_PATIENCE:.0f} s")
        sleep(0.02)
