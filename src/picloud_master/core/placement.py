"""Which waiting job gets which slot, and which bound job should be given back.

Pure functions over the queues and the workers' room. Work spreads evenly: the worker with the
fewest leases per core is served first, so cores that are idle fill before windows deepen.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heapreplace

from picloud.statemachine import value
from picloud_master.core.job.actor import JobActor
from picloud_master.core.queue import JobQueue
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.states import Active


@value
class Placement:
    """These jobs are granted to this worker, in this pool."""

    worker: WorkerActor
    pool: int
    jobs: list[JobActor]
    cores: int


class Seat:
    """The room of one pool of one worker while a turn's placements are decided."""

    __slots__ = ("core_types", "cores", "pool", "room", "taken", "worker")

    def __init__(self, worker: WorkerActor, pool: int) -> None:
        self.worker = worker
        self.pool = pool
        self.core_types = worker.pools[pool].core_types
        self.cores = worker.pools[pool].cores
        self.taken = worker.leased_cores[pool]
        self.room = worker.room(pool)

    def load(self) -> float:
        """Leased cores per core."""
        return self.taken / self.cores

    def take(self, cores: int) -> None:
        """Count a placement."""
        self.taken += cores
        self.room -= cores


def place(
    queues: Mapping[str, JobQueue], workers: Iterable[WorkerActor], shares: Mapping[str, int]
) -> Iterator[Placement]:
    """Grant waiting jobs to workers with room; the jobs are taken out of their queues."""
    seats: list[Seat] | None = None  # made for the first queue that needs them
    for core_type, queue in queues.items():
        if queue.is_bare():
            continue
        if seats is None:
            seats = _seats(workers)
        fitting = [seat for seat in seats if core_type in seat.core_types]
        if fitting:
            queue.fit(max(seat.cores for seat in fitting))
            yield from _place_one_type(queue, [one for one in fitting if one.room > 0], shares)


def _place_one_type(
    queue: JobQueue, seats: list[Seat], shares: Mapping[str, int]
) -> Iterator[Placement]:
    heap = [(seat.load(), number, seat) for number, seat in enumerate(seats)]
    heapify(heap)
    while heap:
        _, number, seat = heap[0]
        # One layer at a time while workers compete; all at once when there is only one.
        room = seat.room if len(heap) == 1 else _layer(seat)
        jobs = queue.take(room, seat.cores, shares)
        if not jobs:
            if queue.is_empty():
                return
            heappop(heap)  # the next job is too wide for this seat
            continue
        cores = sum(job.submission.spec.spec.cores for job in jobs)
        seat.take(cores)
        if seat.room > 0:
            heapreplace(heap, (seat.load(), number, seat))
        else:
            heappop(heap)
        yield Placement(seat.worker, seat.pool, jobs, cores)


def _layer(seat: Seat) -> int:
    idle = seat.cores - seat.taken
    return min(seat.room, idle if idle > 0 else seat.cores)


def _seats(workers: Iterable[WorkerActor]) -> list[Seat]:
    return [
        Seat(worker, pool)
        for worker in workers
        if type(worker.state) is Active
        for pool in range(len(worker.pools))
    ]


# ------------------------------------------------------------------ taking back


def overloaded(
    queues: Mapping[str, JobQueue], workers: Collection[WorkerActor]
) -> Iterator[tuple[WorkerActor, int]]:
    """Which workers should give unstarted jobs back, and how many, since others have idle cores.

    Only when nothing waits: otherwise the queue feeds the idle cores.
    """
    if sum(len(worker.pools) for worker in workers) < 2:
        return  # there is nowhere else to go
    active = [worker for worker in workers if type(worker.state) is Active]
    loaded = [worker for worker in active if not worker.taking_back and _bound_cores(worker)]
    if not loaded or any(not queue.is_empty() for queue in queues.values()):
        return
    idle = _idle_cores(active)
    for worker in sorted(loaded, key=_bound_cores, reverse=True):
        count = sum(_take_from(worker, pool, idle) for pool in range(len(worker.pools)))
        if count:
            yield worker, count


def _take_from(worker: WorkerActor, pool: int, idle: dict[str, int]) -> int:
    """How many jobs of one pool idle cores of the same types should run; the cores are taken."""
    core_types = worker.pools[pool].core_types
    bound = worker.bound_cores(pool)
    available = max((idle.get(core_type, 0) for core_type in core_types), default=0)
    if not bound or not available:
        return 0
    count = min(bound, max(available, bound // 2))
    for core_type in core_types:
        idle[core_type] = max(0, idle.get(core_type, 0) - count)
    return count


def _idle_cores(workers: Iterable[WorkerActor]) -> dict[str, int]:
    idle: dict[str, int] = {}
    for worker in workers:
        for number, pool in enumerate(worker.pools):
            cores = worker.idle_cores(number)
            if cores:
                for core_type in pool.core_types:
                    idle[core_type] = idle.get(core_type, 0) + cores
    return idle


def _bound_cores(worker: WorkerActor) -> int:
    return sum(worker.bound_cores(pool) for pool in range(len(worker.pools)))
