"""Which waiting job gets which slot, and which bound job should be given back.

Pure functions over the queues and the workers' room. Work spreads evenly: the worker with the
fewest leases per core is served first, so cores that are idle fill before windows deepen.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush, heapreplace

from picloud.statemachine import value
from picloud_master.core.job.actor import JobActor
from picloud_master.core.queue import JobQueue, QueueKey
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

    __slots__ = ("by_rank", "core_types", "cores", "limit", "pool", "python", "taken", "worker")

    def __init__(self, worker: WorkerActor, pool: int) -> None:
        self.worker = worker
        self.pool = pool
        self.python = worker.python
        self.core_types = worker.pools[pool].core_types
        self.cores = worker.pools[pool].cores
        self.taken = worker.leased_cores[pool]
        self.by_rank = dict(worker.nested_cores[pool])
        self.limit = self.cores * worker.window

    def load(self) -> float:
        """Leased cores per core."""
        return self.taken / self.cores

    def room(self, rank: int) -> int:
        """Cores' worth of leases that may still be granted to jobs of a rank."""
        if not rank:
            return self.limit - self.taken
        return self.limit - sum([cores for each, cores in self.by_rank.items() if each >= rank])

    def layer(self, rank: int) -> int:
        """No more of that than are idle, or than one for each core: others have their share."""
        idle = self.cores - self.taken
        return min(self.room(rank), idle if idle > 0 else self.cores)

    def take(self, cores: int, rank: int) -> None:
        """Count a placement."""
        self.taken += cores
        if rank:
            self.by_rank[rank] = self.by_rank.get(rank, 0) + cores


def place(
    queues: Mapping[QueueKey, JobQueue], workers: Iterable[WorkerActor], shares: Mapping[str, int]
) -> Iterator[Placement]:
    """Grant waiting jobs to workers with room; the jobs are taken out of their queues."""
    seats: list[Seat] | None = None  # made for the first queue that needs them
    for (core_type, python), queue in queues.items():
        if queue.is_bare():
            continue
        if seats is None:
            seats = _seats(workers)
        fitting = [seat for seat in seats if core_type in seat.core_types]
        if fitting:
            widest = max([seat.cores for seat in fitting if seat.python == python], default=0)
            queue.fit(widest, max([seat.cores for seat in fitting]))
            yield from _place_one_queue(queue, python, fitting, shares)


def _place_one_queue(
    queue: JobQueue, python: str, seats: list[Seat], shares: Mapping[str, int]
) -> Iterator[Placement]:
    heap = [(seat.load(), number, seat) for number, seat in enumerate(seats)]
    heapify(heap)
    passed: list[tuple[float, int, Seat]] = []  # with idle cores, too few for the next job
    while heap:
        _, number, seat = heap[0]
        # One layer at a time while workers compete; all at once when there is only one.
        room = seat.room if len(heap) == 1 and not passed else seat.layer
        jobs = queue.take(room, seat.cores, shares, seat.python == python)
        if not jobs:
            if queue.is_empty():
                return
            entry = heappop(heap)  # this seat is full, or the next job does not fit there
            if seat.taken < seat.cores:
                passed.append(entry)
            continue
        cores = sum([job.submission.spec.spec.cores for job in jobs])
        seat.take(cores, jobs[0].rank)
        heapreplace(heap, (seat.load(), number, seat))
        while passed:  # the job that did not fit there is placed
            heappush(heap, passed.pop())
        yield Placement(seat.worker, seat.pool, jobs, cores)


def _seats(workers: Iterable[WorkerActor]) -> list[Seat]:
    return [
        Seat(worker, pool)
        for worker in workers
        if type(worker.state) is Active
        for pool in range(len(worker.pools))
    ]


# ------------------------------------------------------------------ taking back


def overloaded(
    queues: Mapping[QueueKey, JobQueue], workers: Collection[WorkerActor]
) -> Iterator[tuple[WorkerActor, int]]:
    """Which workers should give unstarted jobs back, and how many, since others have idle cores.

    Only when nothing waits: otherwise the queue feeds the idle cores. They go to workers with the
    same Python.
    """
    if sum([len(worker.pools) for worker in workers]) < 2:
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


def _take_from(worker: WorkerActor, pool: int, idle: dict[QueueKey, int]) -> int:
    """How many jobs of one pool idle cores of the same types should run; the cores are taken."""
    keys = [(core_type, worker.python) for core_type in worker.pools[pool].core_types]
    bound = worker.bound_cores(pool)
    available = max((idle.get(key, 0) for key in keys), default=0)
    if not bound or not available:
        return 0
    count = min(bound, max(available, bound // 2))
    for key in keys:
        idle[key] = max(0, idle.get(key, 0) - count)
    return count


def _idle_cores(workers: Iterable[WorkerActor]) -> dict[QueueKey, int]:
    idle: dict[QueueKey, int] = {}
    for worker in workers:
        for number, pool in enumerate(worker.pools):
            cores = worker.idle_cores(number)
            if cores:
                for core_type in pool.core_types:
                    key = (core_type, worker.python)
                    idle[key] = idle.get(key, 0) + cores
    return idle


def _bound_cores(worker: WorkerActor) -> int:
    return sum(worker.bound_cores(pool) for pool in range(len(worker.pools)))
