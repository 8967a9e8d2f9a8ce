"""What must hold of blobs: who holds them, what is kept and what is read, and what that takes."""

from collections import Counter

from picloud.protocol.payloads import blobs_of
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.blobs import BlobRecord, Place
from picloud_master.core.job.states import Done
from picloud_master.core.registry import Registry
from picloud_master.core.requirements import is_unfinished, require


def check_blobs(registry: Registry) -> None:
    """Check all holds and sums of blobs against recounts."""
    blobs = registry.blobs
    _check_payloads(registry)
    holds: Counter[Place] = Counter()
    for offers in blobs._offers.values():
        holds.update(offers)
        require(all(offers.values()), "an offer that has ended is forgotten", offers)
    for named in (blobs.of_arguments, blobs.of_results, blobs.of_code):
        for places in named.values():
            holds.update(places)
    for place, record in blobs._records.items():
        require(place == (record.owner, record.key), "a blob's key is its owner and key", place)
        rule = "I22: who holds a blob equals the recount"
        require(record.holds == holds.pop(place, 0), rule, place, record.holds)
        if record.source is None:
            _check_kept(registry, place, record)
        else:
            _check_read(registry, place, record)
    require(not holds, "what is held is known", holds)
    unused = sum(record.size for record in blobs._unused.values())
    require(blobs._unused_size == unused, "I22: the size of unused blobs equals the recount")
    fits = unused <= registry.policy.max_unused_blobs
    require(fits, "unused blobs are not too much together", unused)
    _check_owners(registry)
    _check_peers(registry)


def _check_kept(registry: Registry, place: Place, record: BlobRecord) -> None:
    is_unused = place in registry.blobs._unused
    require(is_unused == (not record.holds), "a blob is unused if nothing holds it", place)
    require(not record.waiting, "nobody waits for what is kept", place)


def _check_read(registry: Registry, place: Place, record: BlobRecord) -> None:
    require(place not in registry.blobs._unused, "what is read is no surplus", place)
    rule = "what is read is held by offers alone, all of which wait"
    require(record.holds == record.waiting.total(), rule, place, record.holds)
    offers = registry.blobs._offers
    fits = all(offers[peer][place] == count > 0 for peer, count in record.waiting.items())
    require(fits, "who waits for a blob has offered it", place)


def _check_payloads(registry: Registry) -> None:
    blobs = registry.blobs
    for jid, places in blobs.of_arguments.items():
        job = registry.jobs[jid]
        require(is_unfinished(job), "only an unfinished job needs its arguments", job)
        named = {key for _, key in places}
        require(named == set(blobs_of(job.payload)), "a job holds what its arguments name", job)
        owners = {owner for owner, _ in places}
        require(owners == {job.submission.owner}, "a job holds blobs of its owner", job)
    for jid, places in blobs.of_results.items():
        state = registry.jobs[jid].state
        require(type(state) is Done, "only a result holds blobs", jid, state)
        require(bool(places) and jid in registry.finished.blobs, "a result's blobs count", jid)
    require(
        blobs.of_results.keys() == registry.finished.blobs.keys(), "no other result's blobs count"
    )
    specs = {spec for session in registry.sessions.values() for spec in session.specs.values()}
    specs |= {job.submission.spec for job in registry.jobs.values()}
    known = {spec.number for spec in specs if spec.definers or spec.unfinished}
    require(blobs.of_code.keys() <= known, "only specs in use hold blobs", blobs.of_code)


def _check_owners(registry: Registry) -> None:
    used: Counter[str] = Counter()
    for record in registry.blobs._records.values():
        used[record.owner] += record.size
    rule = "I22: what the blobs of an owner take equals the recount"
    require(registry.blobs._used == used, rule, registry.blobs._used, used)
    fits = all(size <= registry.policy.max_blob_bytes for size in used.values())
    require(fits, "no owner has more than he may", used)


def _check_peers(registry: Registry) -> None:
    blobs = registry.blobs
    peers = {BlobPeer(session=session) for session in registry.sessions}
    peers |= {BlobPeer(worker=worker) for worker in registry.workers}
    spoken = {*blobs._offers, *blobs._sources, *blobs.questions}
    require(spoken <= peers, "only peers that are there offer blobs or are asked", spoken - peers)
    require(all(blobs.questions.values()), "who has answered all is forgotten", blobs.questions)
