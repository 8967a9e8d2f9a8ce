"""What must hold after every turn, checked from scratch: every index against a recount.

On in tests and simulation. It walks over everything, so it is no part of a turn. The numbers in
front of rules are those of docs/invariants.md, which says where the others are checked.
"""

from collections import Counter
from collections.abc import Sequence

from picloud.protocol.ids import JobId
from picloud_master.core import (
    access_invariants,
    blob_invariants,
    environment_invariants,
    tree_invariants,
)
from picloud_master.core.job import states
from picloud_master.core.job.actor import JobActor, SpecRecord
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import (
    BLOCKED_STATES,
    HEARD_STATES,
    HELD_STATES,
    PLACED_STATES,
    Delayed,
    Following,
    Killing,
    Leased,
    Queued,
)
from picloud_master.core.job_session import JobSession, is_of_job
from picloud_master.core.queue import key_of
from picloud_master.core.reasons import HasFinished, Reasons, WaitsForDependencies, text_of
from picloud_master.core.registry import Registry
from picloud_master.core.requirements import InvariantViolation, has_cores, is_unfinished, require
from picloud_master.core.retention import size_of
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.states import Active


def check(registry: Registry) -> None:
    """Cross-check everything that a registry knows, between two turns.

    Raises:
        InvariantViolation: names the first rule that is broken, and by whom.
    """
    _check_queues(registry)
    _check_idle_cores(registry)
    _check_dependencies(registry)
    _check_prerequisites(registry)
    _check_pauses(registry)
    _check_leases(registry)
    _check_workers(registry)
    _check_shares(registry)
    _check_specs(registry)
    tree_invariants.check_trees(registry)
    environment_invariants.check_environments(registry)
    blob_invariants.check_blobs(registry)
    _check_watchers(registry)
    _check_sessions(registry)
    access_invariants.check_graphs(registry)
    access_invariants.check_waits(registry)
    _check_inquiries(registry)
    _check_finished(registry)
    _check_turn_is_over(registry)


def check_grants(registry: Registry, granted: Sequence[JobId]) -> None:
    """Check that a turn, which granted these jobs, heeded the windows.

    A window may shrink below what is leased later; then nothing more is granted. What ranks higher
    does not count against what was granted before it.
    """
    more: Counter[tuple[WorkerActor, int, int]] = Counter()
    for jid in granted:
        job = registry.jobs[jid]
        if isinstance(job.state, Following):
            _check_leaders(registry, job, job.state)
            continue
        if not isinstance(job.state, Leased):
            raise InvariantViolation(f"a job that was granted in this turn is leased: {jid}")
        lease = job.state.lease
        worker = registry.workers[lease.worker]
        more[worker, worker.leases[jid], lease.rank] += job.spec.cores
    for worker, pool, rank in more:
        later = sum(more[one] for one in more if one[:2] == (worker, pool) and one[2] > rank)
        fits = worker.room(pool, rank) + later >= 0
        require(fits, "no grant exceeds cores × window of its rank", worker, rank)


def _check_leaders(registry: Registry, job: JobActor, state: Following) -> None:
    for jid in state.prerequisites.pending:
        leader = registry.jobs[jid]
        rule = "a job is granted ahead to the worker that has all it waits for"
        there = isinstance(leader.state, HELD_STATES) and leader.state.lease.worker
        require(there == state.lease.worker, rule, job, leader, leader.state)
        rule = "nobody follows, or is followed, who may start only once"
        require(leader.spec.restartable and job.spec.restartable, rule, job, leader)


def check_reasons(registry: Registry) -> None:
    """Check that every unfinished job can say why, and in words; takes longer than `check`."""
    reasons = Reasons(registry)
    for job in registry.jobs.values():
        if is_unfinished(job):
            reason = reasons.of(job)
            known = text_of(reason, registry.context.now) and not isinstance(reason, HasFinished)
            require(bool(known), "I17: an unfinished job has a reason", job, reason)
            if isinstance(reason, WaitsForDependencies):
                require(reason.count > 0, "who depends on others says on whom", job)


# ------------------------------------------------------------------ jobs and queues


def _check_queues(registry: Registry) -> None:
    places: Counter[JobId] = Counter()
    for key, queue in registry.queues.items():
        for job in queue.waiting():
            places[job.id] += 1
            rule = "a job waits in the queue of its core type and Python"
            require(key_of(job.spec) == key, rule, job, key)
            rule = "only known jobs wait"
            require(registry.jobs.get(job.id) is job, rule, job)
    for job in registry.jobs.values():
        expected = 1 if type(job.state) is Queued else 0
        rule = "I12: a queued job is in its queue exactly once, any other in none"
        require(places[job.id] == expected, rule, job, job.state, places[job.id])


def _check_idle_cores(registry: Registry) -> None:
    for (core_type, python), queue in registry.queues.items():
        offers = [
            (worker, pool)
            for worker in registry.workers.values()
            for pool, offer in enumerate(worker.pools)
            if core_type in offer.core_types and worker.python == python
        ]
        widest = max((worker.pools[pool].cores for worker, pool in offers), default=0)
        wanted = [job.spec.cores for job in queue.waiting() if job.spec.cores <= widest]
        for worker, pool in offers if wanted else ():
            rule = "I12, I17: no job waits while there are idle cores for all that wait"
            require(worker.idle_cores(pool) < max(wanted), rule, worker, core_type)


def _check_dependencies(registry: Registry) -> None:
    for jid, waiting in registry.dependants.items():
        job = registry.jobs.get(jid)
        rule = "only an unfinished job keeps others waiting"
        require(job is not None and is_unfinished(job), rule, jid, waiting)
    blocked: dict[Prerequisites, set[JobId]] = {}
    for job in registry.jobs.values():
        if isinstance(job.state, BLOCKED_STATES):
            blocked.setdefault(job.state.prerequisites, set()).add(job.id)
    known = {(jid, one) for jid, waiting in registry.dependants.items() for one in waiting}
    for prerequisites, jids in blocked.items():
        require(bool(prerequisites.pending), "a blocked job waits for something", jids)
        rule = "I23: what a blocked job waits for will release or stall it"
        require(jids <= set(prerequisites.waiting), rule, jids)
        for jid in prerequisites.pending:
            require((jid, prerequisites) in known, rule, jids, jid)


def _check_prerequisites(registry: Registry) -> None:
    placeable: dict[Prerequisites, JobActor] = {}
    blocked: dict[Prerequisites, JobActor] = {}
    for job in registry.jobs.values():
        prerequisites = job.submission.prerequisites
        if prerequisites is not None and is_unfinished(job):
            (blocked if isinstance(job.state, BLOCKED_STATES) else placeable)[prerequisites] = job
    for prerequisites, job in placeable.items():
        rule = "I10: what a job depends on has finished before the job may run"
        require(not prerequisites.pending, rule, job, prerequisites)
        for dependency in _known(registry, prerequisites):
            require(not is_unfinished(dependency), rule, job, dependency)
            rule = "I10: and it has succeeded, unless that does not matter"
            good = prerequisites.ignore_errors or type(dependency.state) is states.Done
            require(good, rule, job, dependency, dependency.state)
    for prerequisites, job in blocked.items():
        for dependency in _known(registry, prerequisites):
            rule = "I11: a job stalls once what it depends on has failed"
            hopeful = is_unfinished(dependency) or type(dependency.state) is states.Done
            require(hopeful or prerequisites.ignore_errors, rule, job, dependency)


def _known(registry: Registry, prerequisites: Prerequisites) -> list[JobActor]:
    return [registry.jobs[jid] for jid in prerequisites.depends_on if jid in registry.jobs]


def _check_finished(registry: Registry) -> None:
    over = [job for job in registry.jobs.values() if not is_unfinished(job)]
    finished, news = registry.finished, registry.finished.news
    rule = "I22: the count of finished jobs equals the recount"
    require(finished.count + len(news) == len(over), rule, finished.count, len(news), len(over))
    rule, size = "I22: so does their size", sum(map(size_of, over)) - sum(map(size_of, news))
    size += sum(finished.blobs.values()) + sum(finished.written.values())
    require(finished.size == size, rule, finished.size, size)
    lined_up = Counter([*finished.line, *(job.id for job in news)])
    for job in over:
        rule = "a finished job is forgotten one day"
        require(lined_up[job.id] == 1 or job.is_hidden, rule, job)
    recount: Counter[JobId] = Counter()
    submissions = (job.submission for job in registry.jobs.values() if is_unfinished(job))
    for prerequisites in {one.prerequisites for one in submissions if one.prerequisites}:
        recount.update(prerequisites.depends_on)
    rule = "what unfinished jobs depend on equals the recount"
    require(registry.needed == recount, rule, registry.needed - recount)


def _check_pauses(registry: Registry) -> None:
    entries = Counter((until, jid) for until, jid, _ in registry.alarms._heap)
    for job in registry.jobs.values():
        if isinstance(job.state, Delayed):
            until = job.state.until
            require(entries[until, job.id] >= 1, "a job that pauses will be woken", job)
            alarm = registry.alarms._set
            rule = "the alarm is set for the first of those that pause"
            require(alarm is not None and alarm <= until, rule, job, alarm)


def _check_leases(registry: Registry) -> None:
    for job in registry.jobs.values():
        rule = "a job's key is its id"
        require(registry.jobs[job.id] is job, rule, job)
        state = job.state
        if isinstance(state, HELD_STATES):
            worker = registry.workers.get(state.lease.worker)
            require(worker is not None, "a lease is on a known worker", job, state)
            rule = "the worker of a job's lease holds that lease"
            require(worker is not None and job.id in worker.leases, rule, job, worker)
            rule = "I4: fences come from the counter"
            require(0 < state.lease.fence < registry._next_fence, rule, job, state)
            least = 0 if isinstance(state, states.Following | Killing) else 1
            require(job.attempts >= least, "a job with a lease has an attempt", job)
        rule = "I6: an unstarted or started attempt is within the restarts and retries allowed"
        most = registry.policy.max_restarts + 1 + job.retried
        require(job.attempts <= most, rule, job, job.attempts)
        rule = "I6: a job is not tried again more often than it asked for"
        require(job.retried <= job.spec.retries, rule, job, job.retried)
        if job.is_hidden:
            require(type(state) is Killing, "a hidden job is being killed", job, state)


def _check_workers(registry: Registry) -> None:
    holders: dict[JobId, WorkerActor] = {}
    for worker_id, worker in registry.workers.items():
        require(worker_id == worker.id, "a worker's key is its id", worker)
        require(type(worker.state) is Active, "a worker that is gone is forgotten", worker)
        require(worker.window >= 1, "a window is at least one", worker)
        recount, nested = [0] * len(worker.pools), [Counter[int]() for _ in worker.pools]
        for jid, pool in worker.leases.items():
            require(jid not in holders, "I8: one worker at most holds a job", jid, worker)
            holders[jid] = worker
            job = registry.jobs.get(jid)
            if job is None or not isinstance(job.state, HELD_STATES):
                raise InvariantViolation(f"a lease belongs to a job that holds it: {jid}, {worker}")
            rule = "a lease is of the worker that its job names"
            require(job.state.lease.worker == worker.id, rule, job, worker)
            rule = "a job is placed where its Python is, unless it has an environment"
            has_python = bool(job.spec.environment) or job.spec.python == worker.python
            require(has_python, rule, job, worker)
            rule = "a job is placed in a pool of its core type, and fits into it"
            offer = worker.pools[pool]
            fits = job.spec.core_type in offer.core_types and job.spec.cores <= offer.cores
            require(fits, rule, job, worker, offer)
            cores = job.spec.cores if has_cores(job) else 0
            recount[pool] += cores
            nested[pool][job.state.lease.rank] += cores
        rule = "I13, I22: leased cores equal the recount"
        require(worker.leased_cores == recount, rule, worker, worker.leased_cores, recount)
        by_rank = [{rank: of[rank] for rank in of if rank and of[rank]} for of in nested]
        require(worker.nested_cores == by_rank, rule, worker, worker.nested_cores, by_rank)


# ------------------------------------------------------------------ sums


def _check_shares(registry: Registry) -> None:
    recount: Counter[str] = Counter()
    for job in registry.jobs.values():
        if isinstance(job.state, HELD_STATES) and has_cores(job):
            recount[job.submission.owner] += job.spec.cores
    for owner in recount.keys() | registry.shares.keys():
        share = registry.shares.get(owner, 0)
        rule = "I22: an owner's share equals the recount"
        require(share == recount[owner], rule, owner, share, recount[owner])


def _check_specs(registry: Registry) -> None:
    recount: Counter[SpecRecord] = Counter()
    definers: Counter[SpecRecord] = Counter()
    for session in registry.sessions.values():
        definers.update(session.specs.values())
    specs = dict.fromkeys(definers)
    for job in registry.jobs.values():
        spec = job.submission.spec
        specs[spec] = None
        recount[spec] += is_unfinished(job)
    for spec in specs:
        rule = "I22: a spec's unfinished jobs equal the recount"
        require(spec.unfinished == recount[spec], rule, spec.number, spec.unfinished)
        rule = "as many sessions may name a spec as it counts"
        require(spec.definers == definers[spec], rule, spec.number, spec.definers)
    needed = {spec.number for spec in specs if spec.definers or spec.unfinished}
    for worker in registry.workers.values():
        rule = "workers know only specs that may still be used"
        require(worker.known_specs <= needed, rule, worker, worker.known_specs - needed)


# ------------------------------------------------------------------ who waits


def _check_watchers(registry: Registry) -> None:
    for job in registry.jobs.values():
        if job.watchers:
            rule = "I23: only unfinished jobs are watched"
            require(is_unfinished(job), rule, job, job.state)
            rule = "nobody watches a job twice"
            require(len(set(job.watchers)) == len(job.watchers), rule, job)


def _check_sessions(registry: Registry) -> None:
    for number, session in registry.sessions.items():
        require(number == session.id, "a session's key is its id", session.name)
        speaks = isinstance(session, JobSession)
        require(speaks == is_of_job(number), "the sessions of jobs count down", session.name)
        if isinstance(session, JobSession):
            rule = "a job speaks in one session"
            require(registry.session_of_job.get(session.job.id) is session, rule, session.name)
    for jid, session in registry.session_of_job.items():
        rule = "a job's session is open"
        require(registry.sessions.get(session.id) is session, rule, session.name)
        state = session.job.state
        rule = "a session speaks for an attempt that is placed"
        require(registry.jobs.get(jid) is session.job, rule, session.name)
        placed = isinstance(state, PLACED_STATES) and state.lease == session.lease
        require(placed, rule, session.name, state)


def _check_inquiries(registry: Registry) -> None:
    for inquiry in registry.inquiries.open:
        session = inquiry.session
        require(session in registry.sessions, "an inquiry has an asker", inquiry)
        require(bool(inquiry.awaited), "an inquiry that waits for nothing is answered", inquiry)
        for jid in inquiry.awaited:
            job = registry.jobs.get(jid)
            heard = job is not None and isinstance(job.state, HEARD_STATES)
            require(heard, "an inquiry waits only for jobs that may run", inquiry, jid)


def _check_turn_is_over(registry: Registry) -> None:
    left = (registry._effects, registry._released, registry._changed, registry.take_backs_answered)
    require(not registry.ended_dependencies, "a turn releases and stalls all that it must")
    require(not any(left), "a turn leaves nothing behind", left)
    speech = (registry._orders._starts, registry._orders._stops)
    require(not any(speech), "a turn says all that it has to say", speech)
    outcomes = (registry._outcomes._done, registry._outcomes._failed, registry._letters._messages)
    require(not any(outcomes), "a turn tells all outcomes", outcomes)
