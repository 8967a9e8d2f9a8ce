"""What must hold of environments: who counts on them, what is kept, and what workers know."""

from collections import Counter

from picloud_master.core.environments import EnvironmentRecord
from picloud_master.core.registry import Registry
from picloud_master.core.requirements import require


def check_environments(registry: Registry) -> None:
    """Check all counts of environments against recounts."""
    environments = registry.environments
    specs = {spec for session in registry.sessions.values() for spec in session.specs.values()}
    specs |= {job.submission.spec for job in registry.jobs.values()}
    users: Counter[EnvironmentRecord] = Counter(
        spec.environment
        for spec in specs
        if spec.environment is not None and (spec.definers or spec.unfinished)
    )
    named = Counter(record for names in environments._names.values() for record in names.values())
    for key, record in environments._known.items():
        is_own = key == (record.owner, record.environment.digest)
        require(is_own, "an environment's key is its owner and digest", key)
        rule = "I22: the specs and names of an environment equal the recount"
        require(record.specs == users[record], rule, key, record.specs, users[record])
        require(record.names == named[record], rule, key, record.names, named[record])
        rule = "an environment is set aside as long as nothing needs it"
        require((key in environments._unused) == (not record.is_needed), rule, key)
    for record in (*users, *named):
        key = record.owner, record.environment.digest
        known = environments._known.get(key)
        require(known is record, "an environment that is needed is known", key)
    digests = {digest for _, digest in environments._known}
    for worker in registry.workers.values():
        rule = "workers know only environments that may still be named"
        require(worker.known_environments <= digests, rule, worker)
