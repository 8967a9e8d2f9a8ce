"""All actors of a master, the indices over them, and what the running turn has to say.

Handlers work on a `Registry`; only its `tell_job` and `tell_worker` change an actor's state.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from picloud.protocol.capabilities import block_secret, origin_of
from picloud.protocol.client_messages import JidsReserved
from picloud.protocol.ids import Fence, JobId, SessionId, WorkerId
from picloud.protocol.limits import JIDS_PER_BLOCK
from picloud.statemachine import InvalidTransition, advance
from picloud_master.core import giving, inputs
from picloud_master.core.alarms import Alarms
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.blobs import KeptBlobs
from picloud_master.core.context import Context
from picloud_master.core.effects import Effect, SendToClient, SendToWorker, SetAlarm
from picloud_master.core.environments import Environments
from picloud_master.core.holdings import Holdings
from picloud_master.core.inquiries import Inquiries
from picloud_master.core.job import outputs
from picloud_master.core.job.actor import JobActor, Watcher
from picloud_master.core.job.events import JobEvent
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import UNFINISHED_STATES
from picloud_master.core.job.transitions import TRANSITIONS as JOB_TRANSITIONS
from picloud_master.core.job_session import JobSession, Letters, is_of_job
from picloud_master.core.lease import Lease
from picloud_master.core.policy import Policy
from picloud_master.core.queue import JobQueue, QueueKey, key_of
from picloud_master.core.records import JobRecord, record_of
from picloud_master.core.retention import Finished
from picloud_master.core.session import ClientSession
from picloud_master.core.specs import Specs
from picloud_master.core.speech import Orders, Outcomes
from picloud_master.core.statistics import Statistics
from picloud_master.core.story import Story
from picloud_master.core.trees import Trees
from picloud_master.core.worker import events as worker_events
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import LeasesEnded, WorkerEvent
from picloud_master.core.worker.transitions import TRANSITIONS as WORKER_TRANSITIONS


class Registry:
    """What a master knows; the kernel moves it."""

    def __init__(self, policy: Policy, key: bytes = b"") -> None:
        self.policy = policy
        self.key = key
        """From which the capabilities of all jobs' handles are made."""
        self._origin = origin_of(key)
        self.context = Context(0.0, policy)
        self.jobs: dict[JobId, JobActor] = {}
        self.workers: dict[WorkerId, WorkerActor] = {}
        self.sessions: dict[SessionId, ClientSession] = {}
        self.session_of_job: dict[JobId, JobSession] = {}
        """Of those of `sessions` that speak for a running attempt."""
        self.job_sessions_opened = 0
        self.used_jids = Holdings()
        """All ids that are or were a job's, or whose session has ended: they never are new."""
        self.children: dict[JobId, int] = {}
        """How many jobs each job has submitted."""
        self.trees = Trees(self.workers, self.say_to_worker, policy.max_unused_files)
        self.blobs = KeptBlobs(policy, self.say_to_peer, self.add_effect)
        self.environments = Environments(
            self.workers, self.say_to_worker, policy.max_unused_environments
        )
        self.specs = Specs(
            self.workers, self.say_to_worker, self.trees, self.blobs, self.environments
        )
        self.pythons: list[str] = []
        """The minor versions that workers have, as clients know them."""
        self.statistics = Statistics()
        self.queues: defaultdict[QueueKey, JobQueue] = defaultdict(JobQueue)
        """One for each core type and Python that jobs have asked for."""
        self.shares: dict[str, int] = {}
        """Cores that each owner's jobs hold now."""
        self.dependants: dict[JobId, list[Prerequisites]] = {}
        """Who waits for each unfinished job to end."""
        self.ended_dependencies: list[tuple[JobActor, list[Prerequisites]]] = []
        """Jobs that have ended in this turn, and who waited for them."""
        self.may_follow: list[Prerequisites] = []
        """What may be at one worker now, since this turn; see `core.followers`."""
        self.needed: Counter[JobId] = Counter()
        """How many submissions with unfinished jobs depend on each job, finished or not."""
        self.finished = Finished()
        self.alarms = Alarms()
        self.inquiries = Inquiries()
        self.story = Story(policy.story_length)
        self.progress = 0
        """Grows when an attempt starts or ends or the fleet changes: what was futile may work."""
        self.take_backs_answered: list[WorkerActor] = []
        """Workers that gave jobs back in this turn."""
        self._outcomes = Outcomes()
        self._letters = Letters()
        self._orders = Orders()
        self._released: dict[WorkerId, LeasesEnded] = {}
        self._changed: dict[JobId, JobActor] = {}
        self._effects: list[Effect] = []
        self._next_fence = 1
        self._next_jid = 1

    # ------------------------------------------------------------------ one turn

    def begin_turn(self, now: float) -> None:
        """All that follows happens at `now`, in UTC seconds."""
        self.context = Context(now, self.policy)

    def take_records(self) -> list[JobRecord]:
        """What this turn changed, for a store that outlives the process."""
        if not self._changed:
            return []
        changed, self._changed = self._changed, {}
        return [record_of(job) for job in changed.values()]

    def take_effects(self) -> list[Effect]:
        """What this turn asks of the world, in order."""
        effects, self._effects = self._effects, []
        effects += self._orders.effects(self.workers, self.blobs.of_arguments)
        if self.job_sessions_opened:
            effects += self._outcomes_told()
        else:
            effects += self._outcomes.effects()
        if self.alarms:
            alarm = self.alarms.take_change()
            if alarm is not None:
                effects.append(SetAlarm(alarm))
        return effects

    # ------------------------------------------------------------------ speaking

    def add_effect(self, effect: Effect) -> None:
        """Ask something of the world with this turn."""
        self._effects.append(effect)

    def say_to_client(self, session: SessionId, message: Any) -> None:  # Any: ToClient
        """Send a message with this turn."""
        if is_of_job(session):
            self._letters.add(session, message)
        else:
            self._effects.append(SendToClient(session, message))

    def say_to_worker(
        self,
        worker: WorkerId,
        message: Any,  # Any: ToWorker
        after_commit: bool = False,
    ) -> None:
        """Send a message with this turn; what must not overtake a lease waits as the lease does."""
        self._effects.append(SendToWorker(worker, message, after_commit))

    def say_to_peer(self, peer: BlobPeer, message: Any) -> None:  # Any: of blob_messages
        """Send a message about blobs with this turn."""
        if peer.session is not None:
            self.say_to_client(peer.session, message)
        elif peer.worker is not None:
            self.say_to_worker(peer.worker, message)

    def tell_job(self, job: JobActor, event: JobEvent) -> None:
        """Give an event to a job and carry out what its step asks for."""
        try:
            answer = advance(job, JOB_TRANSITIONS, event, self.context)
        except InvalidTransition as error:
            story = "\n".join(self.story.of(jid=job.id))
            raise InvalidTransition(job, job.state, event, story) from error
        if answer:
            if self.policy.durable:
                self._changed[job.id] = job
            for output in answer:
                _OUTPUTS[type(output)](self, job, output)

    def tell_worker(self, worker: WorkerActor, event: WorkerEvent) -> None:
        """Give an event to a worker; its steps ask for nothing."""
        advance(worker, WORKER_TRANSITIONS, event, self.context)

    def add_jobs(self, jobs: list[JobActor], queued: bool = True) -> None:
        """Take new jobs of one submission into the registry and, unless they wait, the queue."""
        submission = jobs[0].submission
        submission.spec.unfinished += len(jobs)
        self.jobs.update({job.id: job for job in jobs})
        self.used_jids.add(jobs[0].id, jobs[-1].id + 1)
        spec = submission.spec.spec
        if queued:
            queue = self.queues[key_of(spec)]
            queue.append(jobs, submission.priority, submission.owner, submission.rank)
        if self.policy.durable:
            self._changed.update((job.id, job) for job in jobs)

    @property
    def has_dependencies(self) -> bool:
        """Jobs wait for jobs, or have done so until this turn."""
        return bool(self.dependants or self.ended_dependencies)

    def find(self, session: ClientSession, jid: JobId) -> JobActor | None:
        """The job of this id; None if there is none that the session may know of."""
        job = self.jobs.get(jid)
        if job is None or job.submission.owner != session.owner or job.is_hidden:
            return None
        if type(session) is JobSession and jid not in session.holds:
            return None
        return job

    def is_needed(self, job: JobActor) -> bool:
        """An unfinished job depends on it, or has submitted it and may still ask for it."""
        if job.id in self.needed:
            return True
        parent = job.submission.parent
        above = self.jobs.get(parent) if parent is not None else None
        return above is not None and isinstance(above.state, UNFINISHED_STATES)

    def announce(self, job: JobActor, watcher: Watcher) -> None:
        """Tell one session of a job that has its outcome already."""
        self._outcomes.add(watcher, job)
        if job.gives is not None:
            giving.hand_over(self.sessions, job, watcher)

    def reserve_jids(self, session: ClientSession) -> None:
        """Give a session another block of job ids."""
        first = JobId(self._next_jid)
        self._next_jid += JIDS_PER_BLOCK
        session.add_block(range(first, first + JIDS_PER_BLOCK))
        secret = block_secret(self.key, first)
        self.say_to_client(session.id, JidsReserved(first, JIDS_PER_BLOCK, secret, self._origin))

    def new_lease(self, worker: WorkerActor, rank: int) -> Lease:
        """A lease on this worker with a fence above all earlier ones."""
        lease = Lease(worker.id, Fence(self._next_fence), worker.name, rank)
        self._next_fence += 1
        return lease

    def release_leases(self) -> None:
        """Give workers back the room of attempts that ended."""
        released, self._released = self._released, {}
        for worker_id, ended in released.items():
            self.tell_worker(self.workers[worker_id], ended)

    def close_session(self, session: ClientSession) -> None:
        """It says and hears nothing any more; its jobs go on."""
        del self.sessions[session.id]
        self.inquiries.forget_session(session.id)
        self.blobs.forget(BlobPeer(session=session.id))
        for spec in session.specs.values():
            self.specs.drop(spec)
        for block in session.blocks:  # what is left of them is lost, and makes one range with them
            self.used_jids.add(block.start, block.stop)

    def _outcomes_told(self) -> Iterator[Effect]:
        """What each session hears of outcomes, and what jobs' sessions have to hear at all."""
        for effect in self._outcomes.effects():
            if is_of_job(effect.session):
                self._letters.add(effect.session, effect.message)
            else:
                yield effect
        yield from self._letters.effects(self.sessions)


# ------------------------------------------------------------------ outputs of jobs


def _enqueue(registry: Registry, job: JobActor, output: outputs.Enqueue) -> None:
    registry.queues[key_of(job.spec)].enter(job)


def _run(registry: Registry, job: JobActor, output: outputs.Run) -> None:
    if job.submission.prerequisites is not None:
        inputs.prepare(registry.jobs, job)
    registry._orders.start(job.state.lease.worker, job)  # type: ignore[union-attr]  # it has one
    if registry.dependants:
        registry.may_follow += registry.dependants.get(job.id, ())


def _join(registry: Registry, job: JobActor, output: outputs.Join) -> None:
    inputs.inherit(registry.jobs, job)
    registry.may_follow += registry.dependants.get(job.id, ())


def _stop(registry: Registry, job: JobActor, output: outputs.Stop) -> None:
    registry._orders.stop(output.lease, job)
    if registry.session_of_job:
        _silence(registry, job)


def _lend(registry: Registry, job: JobActor, output: outputs.Lend) -> None:
    lease, cores = output.lease, job.spec.cores
    lent = worker_events.CoresLent(job.id, cores, lease.rank)
    registry.tell_worker(registry.workers[lease.worker], lent)
    registry.shares[job.submission.owner] -= cores


def _take_cores(registry: Registry, job: JobActor, output: outputs.TakeCores) -> None:
    lease, cores = output.lease, job.spec.cores
    taken = worker_events.CoresTaken(job.id, cores, lease.rank)
    registry.tell_worker(registry.workers[lease.worker], taken)
    registry.shares[job.submission.owner] += cores


def _release(registry: Registry, job: JobActor, output: outputs.Release) -> None:
    lease = output.lease
    ended = registry._released.get(lease.worker)
    if ended is None:
        ended = registry._released[lease.worker] = LeasesEnded([], [])
    ended.jids.append(job.id)
    if lease.rank:
        ended.ranks[job.id] = lease.rank
    submission = job.submission
    cores = submission.spec.spec.cores
    ended.cores.append(cores)
    registry.shares[submission.owner] -= cores
    if registry.inquiries.open:
        registry.inquiries.heard_of(job.id)
    if registry.session_of_job:
        _silence(registry, job)


def _silence(registry: Registry, job: JobActor) -> None:
    """Its attempt is over, or is as good as over: what it says and hears matters no more."""
    session = registry.session_of_job.pop(job.id, None)
    if session is not None:
        registry.close_session(session)


def _requeue(registry: Registry, job: JobActor, output: outputs.Requeue) -> None:
    registry.queues[key_of(job.spec)].put_back(job)


def _pause(registry: Registry, job: JobActor, output: outputs.Pause) -> None:
    registry.alarms.add(output.until, job)


def _announce(registry: Registry, job: JobActor, output: outputs.Announce) -> None:
    for watcher in job.watchers:
        if watcher.session in registry.sessions:
            registry._outcomes.add(watcher, job)
    if job.holds is not None:
        giving.settle(registry.sessions, job)
    job.watchers = ()
    if registry.blobs.of_arguments:
        registry.blobs.release(registry.blobs.of_arguments.pop(job.id, ()))
    spec = job.submission.spec
    spec.unfinished -= 1
    if not spec.unfinished and not spec.definers:
        registry.specs.settle(spec)
    registry.finished.news.append(job)
    prerequisites = job.submission.prerequisites
    if prerequisites is not None:
        _settle_needs(registry, prerequisites)
    if registry.dependants:
        waiting = registry.dependants.pop(job.id, None)
        if waiting is not None:
            registry.ended_dependencies.append((job, waiting))


def _settle_needs(registry: Registry, prerequisites: Prerequisites) -> None:
    """With the last job of a submission nobody needs what it depends on any more."""
    prerequisites.unfinished -= 1
    if not prerequisites.unfinished:
        needed = registry.needed
        for jid in prerequisites.depends_on:
            needed[jid] -= 1
            if not needed[jid]:
                del needed[jid]
        prerequisites.depends_on = []


def _forget(registry: Registry, job: JobActor, output: outputs.Forget) -> None:
    del registry.jobs[job.id]
    registry.finished.forget(job)
    if registry.blobs.of_results:
        registry.blobs.release(registry.blobs.of_results.pop(job.id, ()))
    registry.children.pop(job.id, None)


_OUTPUTS: dict[type, Callable[[Registry, JobActor, Any], None]] = {
    outputs.Enqueue: _enqueue,
    outputs.Run: _run,
    outputs.Join: _join,
    outputs.Stop: _stop,
    outputs.Lend: _lend,
    outputs.TakeCores: _take_cores,
    outputs.Release: _release,
    outputs.Requeue: _requeue,
    outputs.Pause: _pause,
    outputs.Announce: _announce,
    outputs.Forget: _forget,
}
