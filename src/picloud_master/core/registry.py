"""All actors of a master, the indices over them, and what the running turn has to say.

Handlers work on a `Registry`; only its `tell_job` and `tell_worker` change an actor's state.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from picloud.protocol.client_messages import JidsReserved
from picloud.protocol.definitions import ForgetSpec
from picloud.protocol.ids import Fence, JobId, SessionId, SpecNumber, WorkerId
from picloud.protocol.limits import JIDS_PER_BLOCK
from picloud.statemachine import InvalidTransition, advance
from picloud_master.core.context import Context
from picloud_master.core.effects import Effect, SendToClient, SendToWorker
from picloud_master.core.inquiries import Inquiries
from picloud_master.core.job import outputs
from picloud_master.core.job.actor import JobActor, SpecRecord, Watcher
from picloud_master.core.job.events import JobEvent
from picloud_master.core.job.transitions import TRANSITIONS as JOB_TRANSITIONS
from picloud_master.core.lease import Lease
from picloud_master.core.policy import Policy
from picloud_master.core.queue import JobQueue
from picloud_master.core.records import JobRecord, record_of
from picloud_master.core.session import ClientSession
from picloud_master.core.speech import Orders, Outcomes
from picloud_master.core.story import Story
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import LeasesEnded, WorkerEvent
from picloud_master.core.worker.transitions import TRANSITIONS as WORKER_TRANSITIONS


class Registry:
    """What a master knows; the kernel moves it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.context = Context(0.0, policy)
        self.jobs: dict[JobId, JobActor] = {}
        self.workers: dict[WorkerId, WorkerActor] = {}
        self.sessions: dict[SessionId, ClientSession] = {}
        self.queues: defaultdict[str, JobQueue] = defaultdict(JobQueue)
        """One for each core type that jobs have asked for."""
        self.shares: dict[str, int] = {}
        """Cores that each owner's jobs hold now."""
        self.inquiries = Inquiries()
        self.story = Story(policy.story_length)
        self.progress = 0
        """Grows when an attempt starts or ends or the fleet changes: what was futile may work."""
        self.take_backs_answered: list[WorkerActor] = []
        """Workers that gave jobs back in this turn."""
        self._outcomes = Outcomes()
        self._orders = Orders()
        self._released: dict[WorkerId, LeasesEnded] = {}
        self._changed: dict[JobId, JobActor] = {}
        self._effects: list[Effect] = []
        self._next_fence = 1
        self._next_jid = 1
        self._next_spec = 1

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
        effects += self._orders.effects(self.workers)
        effects += self._outcomes.effects()
        return effects

    # ------------------------------------------------------------------ speaking

    def add_effect(self, effect: Effect) -> None:
        """Ask something of the world with this turn."""
        self._effects.append(effect)

    def say_to_client(self, session: SessionId, message: Any) -> None:  # Any: ToClient
        """Send a message with this turn."""
        self._effects.append(SendToClient(session, message))

    def say_to_worker(
        self,
        worker: WorkerId,
        message: Any,  # Any: ToWorker
        after_commit: bool = False,
    ) -> None:
        """Send a message with this turn; what must not overtake a lease waits as the lease does."""
        self._effects.append(SendToWorker(worker, message, after_commit))

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

    def add_jobs(self, jobs: list[JobActor]) -> None:
        """Take new jobs of one submission into the registry and the queue."""
        submission = jobs[0].submission
        submission.spec.unfinished += len(jobs)
        self.jobs.update((job.id, job) for job in jobs)
        spec = submission.spec.spec
        self.queues[spec.core_type].append(jobs, spec.priority, submission.owner)
        if self.policy.durable:
            self._changed.update((job.id, job) for job in jobs)

    def find(self, session: ClientSession, jid: JobId) -> JobActor | None:
        """The job of this id; None if there is none that the session may know of."""
        job = self.jobs.get(jid)
        if job is None or job.submission.owner != session.owner or job.is_hidden:
            return None
        return job

    def announce(self, job: JobActor, watcher: Watcher) -> None:
        """Tell one session of a job that has its outcome already."""
        self._outcomes.add(watcher, job)

    def reserve_jids(self, session: ClientSession) -> None:
        """Give a session another block of job ids."""
        first = JobId(self._next_jid)
        self._next_jid += JIDS_PER_BLOCK
        session.add_block(range(first, first + JIDS_PER_BLOCK))
        self.say_to_client(session.id, JidsReserved(first, JIDS_PER_BLOCK))

    def new_spec_number(self) -> SpecNumber:
        """The next number of a spec, over all sessions."""
        number = SpecNumber(self._next_spec)
        self._next_spec += 1
        return number

    def drop_spec(self, spec: SpecRecord) -> None:
        """Its client has forgotten it; workers forget it with its last job."""
        spec.defined = False
        if not spec.unfinished:
            for worker in self.workers.values():
                if spec.number in worker.known_specs:
                    worker.known_specs.remove(spec.number)
                    after_commit = not spec.spec.restartable
                    self.say_to_worker(worker.id, ForgetSpec(spec.number), after_commit)

    def new_lease(self, worker: WorkerActor) -> Lease:
        """A lease on this worker with a fence above all earlier ones."""
        lease = Lease(worker.id, Fence(self._next_fence))
        self._next_fence += 1
        return lease

    def release_leases(self) -> None:
        """Give workers back the room of attempts that ended."""
        released, self._released = self._released, {}
        for worker_id, ended in released.items():
            self.tell_worker(self.workers[worker_id], ended)


# ------------------------------------------------------------------ outputs of jobs


def _run(registry: Registry, job: JobActor, output: outputs.Run) -> None:
    registry._orders.start(job.state.lease.worker, job)  # type: ignore[union-attr]  # it is Leased


def _stop(registry: Registry, job: JobActor, output: outputs.Stop) -> None:
    registry._orders.stop(output.lease, job)


def _release(registry: Registry, job: JobActor, output: outputs.Release) -> None:
    ended = registry._released.get(output.lease.worker)
    if ended is None:
        ended = registry._released[output.lease.worker] = LeasesEnded([], [])
    ended.jids.append(job.id)
    submission = job.submission
    cores = submission.spec.spec.cores
    ended.cores.append(cores)
    registry.shares[submission.owner] -= cores


def _requeue(registry: Registry, job: JobActor, output: outputs.Requeue) -> None:
    registry.queues[job.spec.core_type].put_back(job)
    registry.inquiries.heard_of(job.id)


def _announce(registry: Registry, job: JobActor, output: outputs.Announce) -> None:
    for watcher in job.watchers:
        if watcher.session in registry.sessions:
            registry._outcomes.add(watcher, job)
    job.watchers = ()
    spec = job.submission.spec
    spec.unfinished -= 1
    if not spec.unfinished and not spec.defined:
        registry.drop_spec(spec)
    registry.inquiries.heard_of(job.id)


def _forget(registry: Registry, job: JobActor, output: outputs.Forget) -> None:
    del registry.jobs[job.id]


_OUTPUTS: dict[type, Callable[[Registry, JobActor, Any], None]] = {
    outputs.Run: _run,
    outputs.Stop: _stop,
    outputs.Release: _release,
    outputs.Requeue: _requeue,
    outputs.Announce: _announce,
    outputs.Forget: _forget,
}
