"""Why a job has not finished: for every job one reason of a closed set.

A reason is a value that says what there is to know, `text_of` says it in words. It is found when
somebody asks, from the same queues, workers and dependencies that placement decides by.
"""

from itertools import islice

from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobSpec, JobStatus
from picloud.statemachine import value
from picloud_master.core.dependencies import waits_for
from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor
from picloud_master.core.queue import QueueKey, key_of
from picloud_master.core.registry import Registry
from picloud_master.core.worker.actor import WorkerActor

JIDS_SHOWN = 5
_LEASES_SEEN = 2_000
_HELD_SEEN = 10_000


@value
class WaitsForDependencies:
    """Jobs that it depends on have not finished: the first few, and how many they are."""

    jids: list[JobId]
    count: int


@value
class RetryPause:
    """It has failed by itself, and is tried again at that time."""

    failed: int
    until: float


@value
class NoWorker:
    """No worker is connected."""


@value
class NoWorkerFits:
    """No worker is wide enough; the widest has so many cores of the type, 0 for none."""

    core_type: str
    cores: int
    widest: int


@value
class NoWorkerHasPython:
    """No worker runs the Python that it needs, but some run these."""

    python: str
    offered: list[str]


@value
class Expected:
    """When a core will be free: by the last run time of a function, or by a time limit."""

    at: float
    is_limit: bool


@value
class Load:
    """How many of the cores of a type are busy, and when the first of them may be free again."""

    core_type: str
    busy: int
    cores: int
    expected: Expected | None = None


@value
class NoFreeSlot:
    """It is the next of its owner, and so many of the cores that it needs are missing."""

    load: Load
    cores: int
    missing: int


@value
class BehindOthers:
    """So many jobs are more urgent, or older.

    Attributes:
        width: how many cores the one needs that is next, if several: free ones are kept for it.
            Else 0.
    """

    load: Load
    ahead: int
    width: int = 0


@value
class AtWorker:
    """It is at a worker, behind others there or just begun."""

    worker: str
    jobs: int
    cores: int


@value
class EnvironmentBeingBuilt:
    """It is at a worker, where its environment is not there yet."""

    worker: str


@value
class IsRunning:
    """It runs."""

    worker: str
    since: float


@value
class WaitsForJobs:
    """It sleeps until jobs have finished: the first few that are known, and how many they are."""

    worker: str
    since: float
    jids: list[JobId]
    count: int


@value
class HasFinished:
    """There is nothing to wait for; one that never ran has a text that says why."""

    status: JobStatus
    text: str = ""


Reason = (
    WaitsForDependencies
    | RetryPause
    | NoWorker
    | NoWorkerFits
    | NoWorkerHasPython
    | NoFreeSlot
    | BehindOthers
    | AtWorker
    | EnvironmentBeingBuilt
    | IsRunning
    | WaitsForJobs
    | HasFinished
)


@value
class _QueueView:
    """What the queued jobs of one core type and Python share that have an environment, or none.

    Attributes:
        pools: the cores of each pool that offers the type, and how many of them are idle.
        ahead: for each job how many are before it.
        width: how many cores one that has none before it needs, if that is several; else 0.
    """

    load: Load
    pools: list[tuple[int, int]]
    ahead: dict[JobActor, int]
    width: int


class Reasons:
    """Finds reasons of several jobs between two changes: what they share is counted once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._views: dict[tuple[QueueKey, bool], _QueueView] = {}

    def of(self, job: JobActor) -> Reason:
        """Why this job has not finished."""
        workers = self._registry.workers
        match job.state:
            case states.Queued():
                return self._of_queued(job)
            case states.Blocked() | states.Following():
                return WaitsForDependencies(*_shown(list(waits_for(self._registry, job))))
            case states.Delayed(until):
                return RetryPause(job.retried, until)
            case states.Leased(lease):
                worker = workers[lease.worker]
                if job.spec.environment in worker.building:
                    return EnvironmentBeingBuilt(repr(worker))
                return AtWorker(repr(worker), len(worker.leases), _cores_of(worker))
            case states.Running(lease, started):
                return IsRunning(repr(workers[lease.worker]), started)
            case states.Waiting(lease, started):
                awaited = _shown(_awaited_by(self._registry, job))
                return WaitsForJobs(repr(workers[lease.worker]), started, *awaited)
            case states.Stalled(failure):
                return HasFinished(job.status, failure.message)
            case _:
                return HasFinished(job.status)

    def _of_queued(self, job: JobActor) -> Reason:
        workers, spec = self._registry.workers.values(), job.spec
        if not workers:
            return NoWorker()
        pythons = sorted({worker.python for worker in workers})
        if not spec.environment and spec.python not in pythons:
            return NoWorkerHasPython(spec.python, pythons)
        kind = key_of(spec), bool(spec.environment)
        view = self._views.get(kind)
        if view is None:
            view = self._views[kind] = _view_of(self._registry, spec)
        widest = max((cores for cores, _ in view.pools), default=0)
        if widest < spec.cores:
            return NoWorkerFits(spec.core_type, spec.cores, widest)
        idle = max(idle for cores, idle in view.pools if cores >= spec.cores)
        missing, ahead = max(0, spec.cores - idle), view.ahead.get(job, 0)
        if ahead or (view.width > spec.cores and not missing):
            return BehindOthers(view.load, ahead, view.width)
        return NoFreeSlot(view.load, spec.cores, missing)


def reason_for(registry: Registry, job: JobActor) -> Reason:
    """Why this job has not finished."""
    return Reasons(registry).of(job)


def text_of(reason: Reason, now: float) -> str:
    """The reason in words, with the job as their subject."""
    match reason:
        case WaitsForDependencies(jids, count):
            have = "has" if count == 1 else "have"
            return f"is waiting: it depends on {_listed(jids, count)}, which {have} not finished"
        case RetryPause(failed, until):
            times = "once" if failed == 1 else f"{failed} times"
            return f"is queued: it has failed {times} and is tried again in {until - now:.1f} s"
        case NoWorker():
            return "is queued: no worker is connected"
        case NoWorkerFits(core_type, cores, widest):
            return f"is queued: {_misfit(core_type, cores, widest)}"
        case NoWorkerHasPython(python, offered):
            return f"is queued: no worker runs Python {python}, only {' and '.join(offered)}"
        case NoFreeSlot(load, cores, missing):
            is_wide = cores > 1 and missing > 0
            more = f", and needs {missing} more of one worker" if is_wide else ""
            when = "" if cores > 1 else _when(load.expected, now)
            return f"is queued: {_busy(load)}; it is next{more}{when}"
        case BehindOthers(load, ahead, width):
            when = "" if width else _when(load.expected, now)
            return f"is queued: {_busy(load)}; {_queue_before(ahead, width)}{when}"
        case AtWorker(worker, jobs, cores):
            there = f"{counted(jobs, 'job')} {_are(jobs)} there for {counted(cores, 'core')}"
            return f"is queued at {worker}, or has begun there just now: {there}"
        case EnvironmentBeingBuilt(worker):
            return f"is queued at {worker}, which builds its environment"
        case IsRunning(worker, since):
            return f"has been running on {worker} for {now - since:.1f} s"
        case WaitsForJobs(worker, since, jids, count):
            what = _listed(jids, count) if count else "other jobs"
            return f"waits for {what}; it began on {worker} {now - since:.1f} s ago"
        case HasFinished(status, text):
            return f"has finished: {status.value}{text and f'; {text}'}"


def _misfit(core_type: str, cores: int, widest: int) -> str:
    if not widest:
        return f"no connected worker offers cores of type {core_type!r}"
    return f"no worker has {cores} cores of type {core_type!r}; most is {widest}"


def counted(count: int, thing: str) -> str:
    """So many things, in words."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _busy(load: Load) -> str:
    if load.busy < load.cores:
        cores = counted(load.cores, "core")
        return f"{load.busy} of {cores} of type {load.core_type!r} {_are(load.busy)} busy"
    if load.cores == 1:
        return f"the only core of type {load.core_type!r} is busy"
    return f"all {load.cores} cores of type {load.core_type!r} are busy"


def _queue_before(ahead: int, width: int) -> str:
    if not width:
        return f"{counted(ahead, 'job')} {_are(ahead)} ahead"
    needs = f"needs {width} cores of one worker"
    if ahead > 1:
        return f"{ahead} jobs are ahead, and the first {needs}"
    return f"a job ahead {needs}" if ahead else f"another job {needs}"


def _when(expected: Expected | None, now: float) -> str:
    if expected is None:
        return ""
    left = f"{max(0.0, expected.at - now):.1f} s"
    if expected.is_limit:
        return f"; a core is free in {left} at the latest, by a time limit"
    return f"; a core may be free in {left}, by the last run time of its function"


def _listed(jids: list[JobId], count: int) -> str:
    if count == 1:
        return f"job {jids[0]}"
    more = ", ..." if count > len(jids) else ""
    return f"{count} jobs ({', '.join(map(str, jids))}{more})"


def _shown(jids: list[JobId]) -> tuple[list[JobId], int]:
    return sorted(jids)[:JIDS_SHOWN], len(jids)


# ------------------------------------------------------------------ what is known


def _awaited_by(registry: Registry, job: JobActor) -> list[JobId]:
    """Of the jobs that a waiting job holds, those whose outcome it wants to hear of."""
    session = registry.session_of_job.get(job.id)
    if session is None:
        return []
    held = (registry.jobs.get(JobId(jid)) for jid in islice(session.holds.ids(), _HELD_SEEN))
    return [
        one.id
        for one in held
        if one is not None and any(each.session == session.id for each in one.watchers)
    ]


def _view_of(registry: Registry, spec: JobSpec) -> _QueueView:
    core_type = spec.core_type
    pools = [
        (pool.cores, worker.idle_cores(number))
        for worker in registry.workers.values()
        for number, pool in enumerate(worker.pools)
        if core_type in pool.core_types and (spec.environment or worker.python == spec.python)
    ]
    cores, idle = sum(each for each, _ in pools), sum(each for _, each in pools)
    ahead = registry.queues[key_of(spec)].counts_ahead()
    widest = max((each for each, _ in pools), default=0)
    widths = [job.spec.cores for job, count in ahead.items() if not count]
    return _QueueView(
        Load(core_type, cores - idle, cores, _next_end(registry, core_type)),
        pools,
        ahead,
        max((width for width in widths if 1 < width <= widest), default=0),
    )


def _next_end(registry: Registry, core_type: str) -> Expected | None:
    jids = (
        jid
        for worker in registry.workers.values()
        for jid, pool in worker.leases.items()
        if core_type in worker.pools[pool].core_types
        and not worker.bound_cores(pool)  # else what waits there has the core next
    )
    found = (registry.jobs.get(jid) for jid in islice(jids, _LEASES_SEEN))
    jobs = [job for job in found if job is not None]  # one forgotten in this turn still has a lease
    ends = [end for job in jobs if (end := _expected_end(registry, job)) is not None]
    return min(ends, key=lambda end: end.at, default=None)


def _expected_end(registry: Registry, job: JobActor) -> Expected | None:
    """None for one that runs for longer than the last of its function did, without a limit."""
    state, spec = job.state, job.submission.spec
    if not isinstance(state, states.Running):
        return None
    if spec.runtime is not None and state.started + spec.runtime >= registry.context.now:
        return Expected(state.started + spec.runtime, is_limit=False)
    limit = spec.spec.timeout
    return Expected(state.started + limit, is_limit=True) if limit else None


def _cores_of(worker: WorkerActor) -> int:
    return sum(pool.cores for pool in worker.pools)
