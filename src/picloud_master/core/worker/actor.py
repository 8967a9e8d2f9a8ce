"""A worker as the master holds it: what it offers and which leases it holds."""

from picloud.protocol.ids import JobId, SpecNumber, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud_master.core.worker.states import ACTIVE, WorkerState


class WorkerActor:
    """Identity, facts and the one state of a worker.

    Attributes:
        title: its number, for stories.
        window: leases per core that it wants: one runs, the others are ready behind it.
        leases: the pool of each job that is placed here.
        leased_cores: for each pool, the cores of those jobs together, without those that are lent.
        nested_cores: the same by rank, of those jobs that were placed with one above 0.
        known_specs: specs that were sent to it.
        python: the minor version of its own Python.
        known_environments: the digests of those that were sent to it.
        building: those of them that are being built.
        known_trees: the digests of the trees that were sent to it, and of the files in each.
        asked_at: what the registry's `progress` was when it was last asked to give jobs back.
        taking_back: it was asked to give unstarted jobs back and has not answered.
    """

    __slots__ = (
        "asked_at",
        "building",
        "id",
        "known_environments",
        "known_specs",
        "known_trees",
        "leased_cores",
        "leases",
        "name",
        "nested_cores",
        "pools",
        "python",
        "state",
        "taking_back",
        "title",
        "window",
    )

    def __init__(self, worker_id: WorkerId, name: str, pools: list[SlotPool], python: str) -> None:
        self.id = worker_id
        self.name = name
        self.title = f"worker {worker_id}"
        self.pools = pools
        self.python = python
        self.state: WorkerState = ACTIVE
        self.window = 1
        self.leases: dict[JobId, int] = {}
        self.leased_cores = [0] * len(pools)
        self.nested_cores: list[dict[int, int]] = [{} for _ in pools]
        self.known_specs: set[SpecNumber] = set()
        self.known_environments: set[str] = set()
        self.building: list[str] = []
        self.known_trees: dict[bytes, frozenset[bytes]] = {}
        self.asked_at = -1
        self.taking_back = False

    def count(self, pool: int, rank: int, cores: int) -> None:
        """So many more cores of a pool are leased to jobs of this rank."""
        self.leased_cores[pool] += cores
        if rank:
            by_rank = self.nested_cores[pool]
            by_rank[rank] = by_rank.get(rank, 0) + cores
            if not by_rank[rank]:
                del by_rank[rank]

    def room(self, pool: int, rank: int = 0) -> int:
        """Cores' worth of leases that may still be granted in a pool to jobs of a rank.

        Only what ranks as high counts against the window: what waits at the worker of earlier
        branches of a recursion must not keep the jobs of its deepest one away.
        """
        if rank:
            by_rank = self.nested_cores[pool]
            leased = sum([cores for each, cores in by_rank.items() if each >= rank])
        else:
            leased = self.leased_cores[pool]
        return self.pools[pool].cores * self.window - leased

    def idle_cores(self, pool: int) -> int:
        """Cores of a pool that have nothing to run."""
        return max(0, self.pools[pool].cores - self.leased_cores[pool])

    def bound_cores(self, pool: int) -> int:
        """Leases of a pool beyond one per core: jobs that wait at the worker."""
        return max(0, self.leased_cores[pool] - self.pools[pool].cores)

    def __repr__(self) -> str:
        return f"worker {self.id} ({self.name})"
