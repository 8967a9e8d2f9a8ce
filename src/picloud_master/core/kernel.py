"""Moves events through actors, one turn at a time.

A turn: every waiting event is given to its handler, then waiting jobs are placed on the room
that there is now, then everything that the turn has to say is said at once, one batch per peer.
The kernel moves; transitions and planners decide.
"""

from collections.abc import Callable
from typing import Any

from picloud.protocol.environment_messages import PythonsOffered
from picloud.protocol.ids import WorkerId
from picloud.protocol.worker_messages import TakeBack, WorkerAccepted
from picloud.statemachine import value
from picloud_master.core import (
    blob_requests,
    client_requests,
    dependencies,
    environment_requests,
    followers,
    worker_reports,
)
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import DismissClient, DismissWorker, Effect
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.events import (
    AlarmRang,
    BlobFetched,
    ClientSaid,
    Event,
    PeerTold,
    SessionClosed,
    SessionOpened,
    WorkerJoined,
    WorkerLost,
    WorkerSaid,
)
from picloud_master.core.job.events import (
    DELETE_REQUESTED,
    PAUSE_ENDED,
    AttemptLost,
    Placed,
    PlacedAhead,
)
from picloud_master.core.job.states import HELD_STATES
from picloud_master.core.lease import Lease
from picloud_master.core.placement import overloaded, place
from picloud_master.core.policy import Policy
from picloud_master.core.records import JobRecord
from picloud_master.core.registry import Registry
from picloud_master.core.retention import expired
from picloud_master.core.session import ClientSession
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import LeasesGranted, LinkLost


@value
class Turn:
    """What must be stored, then what must be done, in order."""

    records: list[JobRecord]
    effects: list[Effect]


class Kernel:
    """The master's decisions. The same events, with the same times, give the same turns.

    Args:
        key: what makes the capabilities of handles; nobody else may know it.
    """

    def __init__(self, policy: Policy | None = None, key: bytes = b"") -> None:
        self.registry = Registry(policy or Policy(), key)

    def handle(self, now: float, *events: Event) -> Turn:
        """Take what has happened, at `now` in UTC seconds, and decide what follows."""
        registry = self.registry
        registry.begin_turn(now)
        for event in events:
            _HANDLERS[type(event)](registry, event)
        _place(registry)
        for inquiry in registry.inquiries.take_ready():
            client_requests.answer_inquiry(registry, inquiry)
        if registry.finished.is_due(now):
            _forget_expired(registry)
        return Turn(registry.take_records(), registry.take_effects())


# ------------------------------------------------------------------ clients


def _session_opened(registry: Registry, event: SessionOpened) -> None:
    session = ClientSession(event.session, event.owner)
    registry.sessions[session.id] = session
    if registry.pythons:  # before the ids, with which the client begins to submit
        registry.say_to_client(session.id, PythonsOffered(registry.pythons))
    registry.reserve_jids(session)


def _client_said(registry: Registry, event: ClientSaid) -> None:
    session = registry.sessions.get(event.session)
    if session is None:
        return  # dismissed in this same turn
    try:
        for message in event.messages:
            registry.story.add(registry.context.now, session.name, message)
            client_requests.take(registry, session, message)
    except Misbehaviour as error:
        registry.add_effect(DismissClient(session.id, str(error)))
        registry.close_session(session)


def _session_closed(registry: Registry, event: SessionClosed) -> None:
    session = registry.sessions.get(event.session)
    if session is not None:
        registry.close_session(session)


# ------------------------------------------------------------------ workers


def _worker_joined(registry: Registry, event: WorkerJoined) -> None:
    registration = event.registration
    if any(pool.cores < 1 for pool in registration.pools):
        registry.add_effect(DismissWorker(event.worker, "a pool without cores"))
        return
    worker = WorkerActor(event.worker, registration.name, registration.pools, registration.python)
    registry.workers[worker.id] = worker
    registry.progress += 1
    registry.say_to_worker(worker.id, WorkerAccepted(worker.id))
    environment_requests.tell_pythons(registry)


def _worker_said(registry: Registry, event: WorkerSaid) -> None:
    worker = registry.workers.get(event.worker)
    if worker is None:
        return  # lost in this same turn
    try:
        for message in event.messages:
            registry.story.add(registry.context.now, worker.title, message)
            worker_reports.take(registry, worker, message)
    except Misbehaviour as error:
        registry.add_effect(DismissWorker(worker.id, str(error)))
        _lose_worker(registry, worker, f"{worker!r} was dismissed: {error}")


def _worker_lost(registry: Registry, event: WorkerLost) -> None:
    worker = registry.workers.get(event.worker)
    if worker is not None:
        _lose_worker(registry, worker, f"{worker!r} was lost: {event.text}")


def _lose_worker(registry: Registry, worker: WorkerActor, text: str) -> None:
    registry.progress += 1
    registry.tell_worker(worker, LinkLost(text))
    registry.release_leases()  # what ended in this same turn is not lost, and may be forgotten
    # Each goes to the front of its line, so the oldest must go last.
    for jid in sorted(worker.leases, reverse=True):
        job = registry.jobs[jid]
        if isinstance(job.state, HELD_STATES):
            registry.tell_job(job, AttemptLost(job.state.lease.fence, text))
    registry.release_leases()
    del registry.workers[worker.id]
    environment_requests.tell_pythons(registry)
    registry.blobs.forget(BlobPeer(worker=worker.id))


# ------------------------------------------------------------------ time


def _alarm_rang(registry: Registry, event: AlarmRang) -> None:
    # Each goes to the front of its line, so the one that has paused longest must go last.
    for job in reversed(registry.alarms.take_due(registry.context.now)):
        registry.tell_job(job, PAUSE_ENDED)


def _forget_expired(registry: Registry) -> None:
    now, policy = registry.context.now, registry.policy
    is_needed = registry.is_needed
    for job in expired(registry.finished, registry.jobs, now, policy, is_needed):
        registry.tell_job(job, DELETE_REQUESTED)


# ------------------------------------------------------------------ placement


def _place(registry: Registry) -> None:
    dependencies.settle(registry)
    registry.release_leases()
    workers = registry.workers.values()
    leases: dict[tuple[WorkerId, int], Lease] = {}  # one for all that is granted together
    for placement in place(registry.queues, workers, registry.shares):
        worker, jobs = placement.worker, placement.jobs
        rank = jobs[0].rank  # they all have it
        placed = Placed(_lease(registry, leases, worker, rank))
        jids = [job.id for job in jobs]
        registry.tell_worker(worker, LeasesGranted(placement.pool, jids, placement.cores, rank))
        owner = jobs[0].submission.owner
        registry.shares[owner] = registry.shares.get(owner, 0) + placement.cores
        for job in jobs:
            registry.tell_job(job, placed)
    for one in followers.find(registry) if registry.may_follow else ():
        rank, worker = one.job.rank, one.worker
        registry.tell_worker(worker, LeasesGranted(one.pool, [one.job.id], 0, rank))
        lease = _lease(registry, leases, worker, rank)
        registry.tell_job(one.job, PlacedAhead(lease))
    _balance(registry)


def _lease(
    registry: Registry,
    leases: dict[tuple[WorkerId, int], Lease],
    worker: WorkerActor,
    rank: int,
) -> Lease:
    lease = leases.get((worker.id, rank))
    if lease is None:
        lease = leases[worker.id, rank] = registry.new_lease(worker, rank)
    return lease


def _balance(registry: Registry) -> None:
    """Ask workers that have more than they can run for jobs that others could."""
    workers = registry.workers.values()
    for worker, count in overloaded(registry.queues, workers):
        if worker.asked_at == registry.progress:
            continue  # what it gave back then fitted nowhere else, and nothing has changed since
        worker.asked_at = registry.progress
        worker.taking_back = True
        registry.say_to_worker(worker.id, TakeBack(count))
    # Only now: if what a worker gave back was placed there again, asking at once would never end.
    for worker in registry.take_backs_answered:
        worker.taking_back = False
    registry.take_backs_answered.clear()


_HANDLERS: dict[type, Callable[[Registry, Any], None]] = {
    SessionOpened: _session_opened,
    ClientSaid: _client_said,
    SessionClosed: _session_closed,
    WorkerJoined: _worker_joined,
    WorkerSaid: _worker_said,
    WorkerLost: _worker_lost,
    AlarmRang: _alarm_rang,
    BlobFetched: blob_requests.fetched,
    PeerTold: blob_requests.told,
}
