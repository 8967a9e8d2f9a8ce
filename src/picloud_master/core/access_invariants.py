"""What must hold of who holds whom and who waits for whom: see docs/access.md."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from picloud.protocol.ids import JobId
from picloud_master.core.access import watching
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job_session import JobSession
from picloud_master.core.registry import Registry
from picloud_master.core.requirements import InvariantViolation, is_unfinished, require


def check_graphs(registry: Registry) -> None:
    """Check that no job can reach itself over what jobs hold, and that none waits for itself."""
    jobs = registry.jobs
    for jid, job in jobs.items():
        if job.holds:
            past = job.holds.without(registry.used_jids)
            require(not past, "only jobs that exist are held", job, past)
        require(jid in registry.used_jids, "the id of a job is in use", job)
    # Only a job that holds something can be between two others.
    holders = sorted(jid for jid, job in jobs.items() if job.holds)
    # What is held by all jobs of one submission is a node of its own.
    holds: dict[object, list[Any]] = {}
    for jid in holders:
        shared = ("what is held", id(jobs[jid].holds))
        holds[jid] = [shared]
        if shared not in holds:
            holds[shared] = _held(jobs[jid], holders)
    _require_no_cycle("I15: what jobs hold forms no cycle", holds)
    # Jobs of one submission wait for the same ones: that they do is a node of its own.
    waits: dict[object, list[Any]] = {}
    for jid, job in jobs.items():
        if job.watchers and is_unfinished(job) and (watchers := list(watching(registry, job))):
            waits[jid] = watchers
    for jid, dependants in registry.dependants.items():
        waits.setdefault(jid, []).extend(dependants)
        waits.update((one, one.waiting) for one in dependants)
    _require_no_cycle("I16: who waits for whom forms no cycle", waits)
    require(not registry.statistics.cycles_met, "I16: the guard of waiting has nothing to do")


def check_waits(registry: Registry) -> None:
    for job in registry.jobs.values():
        for watcher in job.watchers:
            session = registry.sessions.get(watcher.session)
            if isinstance(session, JobSession):
                rule = "I16: a job waits only for what it holds"
                require(job.id in session.holds, rule, session.name, job)
                rule = "I19: and only for jobs of its owner"
                require(job.submission.owner == session.owner, rule, session.name, job)


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
