"""Why a job has not finished: for every job one reason of a closed set.

A reason is a value that says what there is to know, `text_of` says it in words. It is found when
somebody asks, from the same queues, workers and dependencies that placement decides by.
"""

from itertools import islice

from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobStatus
from picloud.statemachine import value
from picloud_master.core.dependencies import waits_for
from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor
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
class NoFreeSlot:
    """It is the next of its owner, and all cores are busy; one may be free at that time."""

    core_type: str
    cores: int
    busy: int
    expected: float | None


@value
class BehindOthers:
    """All cores are busy, and so many jobs are more urgent, or older."""

    core_type: str
    busy: int
    ahead: int
    expected: float | None


@value
class AtWorker:
    """It is at a worker, behind others there or just begun."""

    worker: str
    jobs: int
    cores: int


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
    | NoFreeSlot
    | BehindOthers
    | AtWorker
    | IsRunning
    | WaitsForJobs
    | HasFinished
)


class Reasons:
    """Finds reasons of several jobs between two changes: what they share is counted once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._ahead: dict[str, dict[JobActor, int]] = {}
        self._expected: dict[str, float | None] = {}

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
        offers = [
            pool.cores
            for worker in workers
            for pool in worker.pools
            if spec.core_type in pool.core_types
        ]
        widest = max(offers, default=0)
        if widest < spec.cores:
            return NoWorkerFits(spec.core_type, spec.cores, widest)
        ahead = self._ahead.get(spec.core_type)
        if ahead is None:
            ahead = self._registry.queues[spec.core_type].counts_ahead()
            self._ahead[spec.core_type] = ahead
            self._expected[spec.core_type] = _next_end(self._registry, spec.core_type)
        busy, expected = sum(offers), self._expected[spec.core_type]
        if ahead.get(job, 0):
            return BehindOthers(spec.core_type, busy, ahead[job], expected)
        return NoFreeSlot(spec.core_type, spec.cores, busy, expected)


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
        case NoFreeSlot(core_type, cores, busy, expected):
            needs = "" if cores == 1 else f", and it needs {cores} of one worker"
            text = f"is queued: all {busy} cores of type {core_type!r} are busy{needs}; it is next"
            return text + _when(expected, now)
        case BehindOthers(core_type, busy, ahead, expected):
            are = "job is" if ahead == 1 else "jobs are"
            text = (
                f"is queued: all {busy} cores of type {core_type!r} are busy; {ahead} {are} ahead"
            )
            return text + _when(expected, now)
        case AtWorker(worker, jobs, cores):
            there = f"{jobs} jobs are there for {cores} cores"
            return f"is queued at {worker}, or has begun there just now: {there}"
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


def _when(expected: float | None, now: float) -> str:
    if expected is None:
        return ""
    return f"; the first may be free in {max(0.0, expected - now):.1f} s"


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


def _next_end(registry: Registry, core_type: str) -> float | None:
    """When the first core of a type may be free: by the run times measured, or by time limits."""
    jids = (
        jid
        for worker in registry.workers.values()
        for jid, pool in worker.leases.items()
        if core_type in worker.pools[pool].core_types
    )
    found = (registry.jobs.get(jid) for jid in islice(jids, _LEASES_SEEN))
    jobs = [job for job in found if job is not None]  # one forgotten in this turn still has a lease
    ends = [end for job in jobs if (end := _expected_end(registry, job)) is not None]
    return min(ends, default=None)


def _expected_end(registry: Registry, job: JobActor) -> float | None:
    now, state = registry.context.now, job.state
    spec = job.submission.spec
    measured = spec.runtime
    if isinstance(state, states.Leased):
        return None if measured is None else now + measured
    if not isinstance(state, states.Running):
        return None
    if measured is not None and state.started + measured >= now:
        return state.started + measured
    limit = spec.spec.timeout
    return state.started + limit if limit else None


def _cores_of(worker: WorkerActor) -> int:
    return sum(pool.cores for pool in worker.pools)
