"""What must hold after every turn, checked from scratch: every index against a recount.

On in tests and simulation. It walks over everything, so it is no part of a turn.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from picloud.protocol.ids import JobId
from picloud_master.core.access import watching
from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor, SpecRecord
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import (
    HELD_STATES,
    PLACED_STATES,
    UNFINISHED_STATES,
    Blocked,
    Delayed,
    Killing,
    Leased,
    Queued,
)
from picloud_master.core.job_session import JobSession, is_of_job
from picloud_master.core.reasons import HasFinished, Reasons, WaitsForDependencies, text_of
from picloud_master.core.registry import Registry
from picloud_master.core.retention import size_of
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
    _check_dependencies(registry)
    _check_pauses(registry)
    _check_leases(registry)
    _check_workers(registry)
    _check_shares(registry)
    _check_specs(registry)
    _check_watchers(registry)
    _check_sessions(registry)
    check_access(registry)
    _check_inquiries(registry)
    _check_finished(registry)
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


def check_reasons(registry: Registry) -> None:
    """Check that every unfinished job can say why, and in words; takes longer than `check`."""
    reasons = Reasons(registry)
    for job in registry.jobs.values():
        if _is_unfinished(job):
            reason = reasons.of(job)
            rule = "an unfinished job has a reason"
            _require(not isinstance(reason, HasFinished), rule, job, reason)
            _require(bool(text_of(reason, registry.context.now)), rule, job, reason)
            if isinstance(reason, WaitsForDependencies):
                _require(reason.count > 0, "who depends on others says on whom", job)


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


def _check_dependencies(registry: Registry) -> None:
    for jid, waiting in registry.dependants.items():
        job = registry.jobs.get(jid)
        rule = "only an unfinished job keeps others waiting"
        _require(job is not None and _is_unfinished(job), rule, jid, waiting)
    blocked: dict[Prerequisites, set[JobId]] = {}
    for job in registry.jobs.values():
        if isinstance(job.state, Blocked):
            blocked.setdefault(job.state.prerequisites, set()).add(job.id)
    known = {(jid, one) for jid, waiting in registry.dependants.items() for one in waiting}
    for prerequisites, jids in blocked.items():
        _require(bool(prerequisites.pending), "a blocked job waits for something", jids)
        rule = "what a blocked job waits for will release or stall it"
        _require(jids <= set(prerequisites.waiting), rule, jids)
        for jid in prerequisites.pending:
            _require((jid, prerequisites) in known, rule, jids, jid)


def _check_finished(registry: Registry) -> None:
    over = [job for job in registry.jobs.values() if not _is_unfinished(job)]
    finished, news = registry.finished, registry.finished.news
    rule = "the count of finished jobs equals the recount"
    _require(finished.count + len(news) == len(over), rule, finished.count, len(news), len(over))
    rule, size = "so does their size", sum(map(size_of, over)) - sum(map(size_of, news))
    _require(finished.size == size, rule, finished.size, size)
    lined_up = Counter([*finished.line, *(job.id for job in news)])
    for job in over:
        rule = "a finished job is forgotten one day"
        _require(lined_up[job.id] == 1 or job.is_hidden, rule, job)
    recount: Counter[JobId] = Counter()
    submissions = (job.submission for job in registry.jobs.values() if _is_unfinished(job))
    for prerequisites in {one.prerequisites for one in submissions if one.prerequisites}:
        recount.update(prerequisites.depends_on)
    rule = "what unfinished jobs depend on equals the recount"
    _require(registry.needed == recount, rule, registry.needed - recount)


def _check_pauses(registry: Registry) -> None:
    entries = Counter((until, jid) for until, jid, _ in registry.alarms._heap)
    for job in registry.jobs.values():
        if isinstance(job.state, Delayed):
            until = job.state.until
            _require(entries[until, job.id] >= 1, "a job that pauses will be woken", job)
            alarm = registry.alarms._set
            rule = "the alarm is set for the first of those that pause"
            _require(alarm is not None and alarm <= until, rule, job, alarm)


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
        rule = "an unstarted or started attempt is within the restarts and retries allowed"
        most = registry.policy.max_restarts + 1 + job.retried
        _require(job.attempts <= most, rule, job, job.attempts)
        rule = "a job is not tried again more often than it asked for"
        _require(job.retried <= job.spec.retries, rule, job, job.retried)
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
            recount[pool] += 0 if type(job.state) is states.Waiting else job.spec.cores
        rule = "leased cores equal the recount"
        _require(worker.leased_cores == recount, rule, worker, worker.leased_cores, recount)


# ------------------------------------------------------------------ sums


def _check_shares(registry: Registry) -> None:
    recount: Counter[str] = Counter()
    for job in registry.jobs.values():
        if isinstance(job.state, HELD_STATES) and type(job.state) is not states.Waiting:
            recount[job.submission.owner] += job.spec.cores
    for owner in recount.keys() | registry.shares.keys():
        share = registry.shares.get(owner, 0)
        rule = "an owner's share equals the recount"
        _require(share == recount[owner], rule, owner, share, recount[owner])


def _check_specs(registry: Registry) -> None:
    recount: Counter[SpecRecord] = Counter()
    definers: Counter[SpecRecord] = Counter()
    for session in registry.sessions.values():
        definers.update(session.specs.values())
    specs = dict.fromkeys(definers)
    for job in registry.jobs.values():
        spec = job.submission.spec
        specs[spec] = None
        recount[spec] += _is_unfinished(job)
    for spec in specs:
        rule = "a spec's unfinished jobs equal the recount"
        _require(spec.unfinished == recount[spec], rule, spec.number, spec.unfinished)
        rule = "as many sessions may name a spec as it counts"
        _require(spec.definers == definers[spec], rule, spec.number, spec.definers)
    needed = {spec.number for spec in specs if spec.definers or spec.unfinished}
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


def _check_sessions(registry: Registry) -> None:
    for number, session in registry.sessions.items():
        _require(number == session.id, "a session's key is its id", session.name)
        speaks = isinstance(session, JobSession)
        _require(speaks == is_of_job(number), "the sessions of jobs count down", session.name)
        if isinstance(session, JobSession):
            rule = "a job speaks in one session"
            _require(registry.session_of_job.get(session.job.id) is session, rule, session.name)
    for jid, session in registry.session_of_job.items():
        rule = "a job's session is open"
        _require(registry.sessions.get(session.id) is session, rule, session.name)
        state = session.job.state
        rule = "a session speaks for an attempt that is placed"
        _require(registry.jobs.get(jid) is session.job, rule, session.name)
        placed = isinstance(state, PLACED_STATES) and state.lease == session.lease
        _require(placed, rule, session.name, state)


def check_access(registry: Registry) -> None:
    """Check that no job can reach itself over what jobs hold, and that none waits for itself."""
    jobs = registry.jobs
    for jid, job in jobs.items():
        if job.holds:
            past = job.holds.without(registry.used_jids)
            _require(not past, "only jobs that exist are held", job, past)
        _require(jid in registry.used_jids, "the id of a job is in use", job)
    # Only a job that holds something can be between two others.
    holders = sorted(jid for jid, job in jobs.items() if job.holds)
    # What is held by all jobs of one submission is a node of its own.
    holds: dict[object, list[Any]] = {}
    for jid in holders:
        shared = ("what is held", id(jobs[jid].holds))
        holds[jid] = [shared]
        if shared not in holds:
            holds[shared] = _held(jobs[jid], holders)
    _require_no_cycle("what jobs hold forms no cycle", holds)
    # Jobs of one submission wait for the same ones: that they do is a node of its own.
    waits: dict[object, list[Any]] = {}
    for jid, job in jobs.items():
        if job.watchers and _is_unfinished(job):
            waits[jid] = list(watching(registry, job))
        waits.setdefault(jid, []).extend(registry.dependants.get(jid, ()))
    for waiting in registry.dependants.values():
        waits.update((one, one.waiting) for one in waiting)
    _require_no_cycle("who waits for whom forms no cycle", waits)
    _require(registry.statistics.cycles_met == 0, "the guard of waiting has nothing to do")


def _held(job: JobActor, holders: list[JobId]) -> list[JobId]:
    held: list[JobId] = []
    for first, stop in job.holds.ranges() if job.holds else ():
        held += holders[bisect_left(holders, first) : bisect_left(holders, stop)]
    return held


def _require_no_cycle(rule: str, graph: Mapping[Any, Iterable[Any]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise InvariantViolation(f"{rule}: {error.args[1]}") from error


def _check_inquiries(registry: Registry) -> None:
    for inquiry in registry.inquiries.open:
        session = inquiry.session
        _require(session in registry.sessions, "an inquiry has an asker", inquiry)
        _require(bool(inquiry.awaited), "an inquiry that waits for nothing is answered", inquiry)
        for jid in inquiry.awaited:
            job = registry.jobs.get(jid)
            held = job is not None and isinstance(job.state, PLACED_STATES)
            _require(held, "an inquiry waits only for jobs that may run", inquiry, jid)


def _check_turn_is_over(registry: Registry) -> None:
    left = (registry._effects, registry._released, registry._changed, registry.take_backs_answered)
    _require(not registry.ended_dependencies, "a turn releases and stalls all that it must")
    _require(not any(left), "a turn leaves nothing behind", left)
    speech = (registry._orders._starts, registry._orders._stops)
    _require(not any(speech), "a turn says all that it has to say", speech)
    outcomes = (registry._outcomes._done, registry._outcomes._failed, registry._letters._messages)
    _require(not any(outcomes), "a turn tells all outcomes", outcomes)


def _is_unfinished(job: JobActor) -> bool:
    return isinstance(job.state, UNFINISHED_STATES)


def _require(holds: bool, rule: str, *who: object) -> None:
    if not holds:
        raise InvariantViolation(f"{rule}: {', '.join(map(repr, who))}")
