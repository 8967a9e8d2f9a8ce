"""What must hold after every turn, checked from scratch: every index against a recount.

On in tests and simulation. It walks over everything, so it is no part of a turn.
"""

from collections import Counter
from collections.abc import Iterable

from picloud.protocol.ids import JobId
from picloud_master.core.job.actor import JobActor, SpecRecord
from picloud_master.core.job.states import HELD_STATES, Killing, Leased, Queued, Running
from picloud_master.core.registry import Registry
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.states import Active


class InvariantViolation(AssertionError):  # noqa: N818 - it names the broken rule
    """The registry contradicts itself: a bug in this program."""


def check(registry: Registry) -> None:
    """Cross-check everything that a registry knows, between two turns.

    Raises:
        InvariantViolation: names the first rule that is broken, and by whom.
    """
    _check_queues(registry)
    _check_leases(registry)
    _check_workers(registry)
    _check_shares(registry)
    _check_specs(registry)
    _check_watchers(registry)
    _check_inquiries(registry)
    _check_turn_is_over(registry)


def check_grants(registry: Registry, granted: Iterable[JobId]) -> None:
    """Check that a turn, which granted these jobs, heeded the windows.

    A window may shrink below what is leased later; then nothing more is granted.
    """
    for jid in granted:
        state = registry.jobs[jid].state
        if not isinstance(state, Leased):
            raise InvariantViolation(f"a job that was granted in this turn is leased: {jid}")
        worker = registry.workers[state.lease.worker]
        pool = worker.leases[jid]
        most = worker.pools[pool].cores * worker.window
        leased = worker.leased_cores[pool]
        _require(leased <= most, "no grant exceeds cores × window", worker, leased, most)


# ------------------------------------------------------------------ jobs and queues


def _check_queues(registry: Registry) -> None:
    places: Counter[JobId] = Counter()
    for core_type, queue in registry.queues.items():
        for job in queue.waiting():
            places[job.id] += 1
            rule = "a job waits in the queue of its core type"
            _require(job.spec.core_type == core_type, rule, job, core_type)
            rule = "only known jobs wait"
            _require(registry.jobs.get(job.id) is job, rule, job)
    for job in registry.jobs.values():
        expected = 1 if type(job.state) is Queued else 0
        rule = "a queued job is in its queue exactly once, any other in none"
        _require(places[job.id] == expected, rule, job, job.state, places[job.id])


def _check_leases(registry: Registry) -> None:
    for job in registry.jobs.values():
        rule = "a job's key is its id"
        _require(registry.jobs[job.id] is job, rule, job)
        state = job.state
        if isinstance(state, HELD_STATES):
            worker = registry.workers.get(state.lease.worker)
            _require(worker is not None, "a lease is on a known worker", job, state)
            rule = "the worker of a job's lease holds that lease"
            _require(worker is not None and job.id in worker.leases, rule, job, worker)
            rule = "fences come from the counter"
            _require(0 < state.lease.fence < registry._next_fence, rule, job, state)
            _require(job.attempts >= 1, "a job with a lease has an attempt", job)
        rule = "an unstarted or started attempt is within the restarts allowed"
        _require(job.attempts <= registry.policy.max_restarts + 1, rule, job, job.attempts)
        if job.is_hidden:
            _require(type(state) is Killing, "a hidden job is being killed", job, state)


def _check_workers(registry: Registry) -> None:
    holders: dict[JobId, WorkerActor] = {}
    for worker_id, worker in registry.workers.items():
        _require(worker_id == worker.id, "a worker's key is its id", worker)
        _require(type(worker.state) is Active, "a worker that is gone is forgotten", worker)
        _require(worker.window >= 1, "a window is at least one", worker)
        recount = [0] * len(worker.pools)
        for jid, pool in worker.leases.items():
            _require(jid not in holders, "one worker at most holds a job", jid, worker)
            holders[jid] = worker
            job = registry.jobs.get(jid)
            if job is None or not isinstance(job.state, HELD_STATES):
                raise InvariantViolation(f"a lease belongs to a job that holds it: {jid}, {worker}")
            rule = "a lease is of the worker that its job names"
            _require(job.state.lease.worker == worker.id, rule, job, worker)
            rule = "a job is placed in a pool of its core type, and fits into it"
            offer = worker.pools[pool]
            fits = job.spec.core_type in offer.core_types and job.spec.cores <= offer.cores
            _require(fits, rule, job, worker, offer)
            recount[pool] += job.spec.cores
        rule = "leased cores equal the recount"
        _require(worker.leased_cores == recount, rule, worker, worker.leased_cores, recount)


# ------------------------------------------------------------------ sums


def _check_shares(registry: Registry) -> None:
    recount: Counter[str] = Counter()
    for job in registry.jobs.values():
        if isinstance(job.state, HELD_STATES):
            recount[job.submission.owner] += job.spec.cores
    for owner in recount.keys() | registry.shares.keys():
        share = registry.shares.get(owner, 0)
        rule = "an owner's share equals the recount"
        _require(share == recount[owner], rule, owner, share, recount[owner])


def _check_specs(registry: Registry) -> None:
    recount: Counter[SpecRecord] = Counter()
    specs: dict[SpecRecord, None] = {}
    for session in registry.sessions.values():
        specs.update(dict.fromkeys(session.specs.values()))
        for spec in session.specs.values():
            _require(spec.defined, "a session's specs are defined", spec.number)
    for job in registry.jobs.values():
        spec = job.submission.spec
        specs[spec] = None
        recount[spec] += _is_unfinished(job)
    for spec in specs:
        rule = "a spec's unfinished jobs equal the recount"
        _require(spec.unfinished == recount[spec], rule, spec.number, spec.unfinished)
    needed = {spec.number for spec in specs if spec.defined or spec.unfinished}
    for worker in registry.workers.values():
        rule = "workers know only specs that may still be used"
        _require(worker.known_specs <= needed, rule, worker, worker.known_specs - needed)


# ------------------------------------------------------------------ who waits


def _check_watchers(registry: Registry) -> None:
    for job in registry.jobs.values():
        if job.watchers:
            _require(_is_unfinished(job), "only unfinished jobs are watched", job, job.state)
            rule = "nobody watches a job twice"
            _require(len(set(job.watchers)) == len(job.watchers), rule, job)


def _check_inquiries(registry: Registry) -> None:
    for inquiry in registry.inquiries._open:
        session = inquiry.session
        _require(session in registry.sessions, "an inquiry has an asker", inquiry)
        _require(bool(inquiry.awaited), "an inquiry that waits for nothing is answered", inquiry)
        for jid in inquiry.awaited:
            job = registry.jobs.get(jid)
            held = job is not None and isinstance(job.state, Leased | Running)
            _require(held, "an inquiry waits only for jobs that may run", inquiry, jid)


def _check_turn_is_over(registry: Registry) -> None:
    left = (registry._effects, registry._released, registry._changed, registry.take_backs_answered)
    _require(not any(left), "a turn leaves nothing behind", left)
    speech = (registry._orders._starts, registry._orders._stops)
    _require(not any(speech), "a turn says all that it has to say", speech)
    outcomes = (registry._outcomes._done, registry._outcomes._failed)
    _require(not any(outcomes), "a turn tells all outcomes", outcomes)


def _is_unfinished(job: JobActor) -> bool:
    return isinstance(job.state, Queued | Leased | Running)


def _require(holds: bool, rule: str, *who: object) -> None:
    if not holds:
        raise InvariantViolation(f"{rule}: {', '.join(map(repr, who))}")
