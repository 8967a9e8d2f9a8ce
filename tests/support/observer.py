"""Watches a simulated cloud for promises that no single turn can show.

The numbers are those of docs/invariants.md.

* I2: final statuses never change, nor do the bytes of an outcome; all watchers hear the same;
* I3: an outcome is of the attempt that held the last fence of the job;
* I4: the fences of a job only grow;
* I5: a job that must not run twice is started once at most, if it did not ask for retries;
* I6: a job loses at most four workers: three restarts and the end;
* I8: an attempt under a live lease runs where the lease is;
* I9: once a kill is confirmed the job has its outcome;
* I25: the same events give a fresh master the same turns.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from picloud.protocol.client_messages import JobFailed, JobsDone
from picloud.protocol.ids import Fence, JobId, WorkerId
from picloud.protocol.jobs import JobStatus
from picloud.protocol.worker_messages import RunJobs
from picloud.testing.timeline import Timeline
from picloud_master.core import events as master_events
from picloud_master.core import invariants
from picloud_master.core.effects import SendToWorker
from picloud_master.core.job.states import HELD_STATES, Done, Errored
from picloud_master.core.kernel import Kernel, Turn
from picloud_master.core.registry import Registry
from picloud_worker.core.attempt.actor import Attempt

Outcome = tuple[str, object]


class Observer:
    """Sees every turn of the master, every start of an attempt and all that clients hear.

    Args:
        thorough: check everything after each turn and keep a journal; else only on `check`.
    """

    def __init__(self, registry: Registry, timeline: Timeline, *, thorough: bool) -> None:
        self._registry = registry
        self._timeline = timeline
        self._thorough = thorough
        self.with_reasons = False
        self.turns = 0
        self.starts: Counter[JobId] = Counter()
        self.losses: Counter[JobId] = Counter()
        self.outcomes: dict[JobId, Outcome] = {}
        self._fences: dict[JobId, Fence] = {}
        self._journal: list[tuple[float, Sequence[master_events.Event]]] = []
        self._said: list[str] = []

    # ------------------------------------------------------------------ the master

    def turn_begins(self, events: Sequence[master_events.Event]) -> None:
        """Remember what a turn is about to hear."""
        self.turns += 1
        if self._thorough:
            self._journal.append((self._timeline.now, events))
        spoke = {one.worker for one in events if isinstance(one, master_events.WorkerSaid)}
        for event in events:
            # What a worker says in the turn of its loss may end jobs: that is counted as no loss.
            if isinstance(event, master_events.WorkerLost) and event.worker not in spoke:
                worker = self._registry.workers.get(event.worker)
                self.losses.update(list(worker.leases) if worker else ())

    def turn_ended(self, events: Sequence[master_events.Event], turn: Turn) -> None:
        """Check what a turn has made of it."""
        if self._thorough:
            self._said.append(repr(turn))
            self.check()
            invariants.check_grants(self._registry, _granted(turn))
            if self.with_reasons:
                invariants.check_reasons(self._registry)

    def check(self) -> None:
        """Check the registry, and that no outcome has changed."""
        invariants.check(self._registry)
        self._check_fences()
        for job in self._registry.jobs.values():
            if not job.status.is_final:
                assert job.id not in self.outcomes, f"I2: {job!r} had an outcome and has none"
                continue
            outcome: Outcome = (job.status.value, _content(job.state))
            known = self.outcomes.setdefault(job.id, outcome)
            assert known == outcome, f"I2: {job!r} became {outcome}, was {known}"
        assert max(self.losses.values(), default=0) <= 4, "I6: a job was restarted 4 times"

    def _check_fences(self) -> None:
        for job in self._registry.jobs.values():
            state = job.state
            known = self._fences.get(job.id, 0)
            if isinstance(state, HELD_STATES):
                fence = self._fences[job.id] = state.lease.fence
                assert fence >= known, f"I4: {job!r} has fence {fence} after {known}"
            elif isinstance(state, Done | Errored) and known:
                assert state.last is not None
                assert state.last.fence == known, f"I3: an earlier attempt of {job!r} was heard"

    def killed(self, jids: Sequence[JobId]) -> None:
        """A client was told that these jobs have been killed."""
        for jid in jids:
            job = self._registry.jobs.get(jid)
            assert job is None or job.status.is_final, f"I9: {job!r} is not over after its kill"

    def check_journal(self) -> None:
        """The same events give a fresh kernel the same turns."""
        kernel = Kernel(key=self._registry.key)
        for (now, events), said in zip(self._journal, self._said, strict=True):
            assert repr(kernel.handle(now, *events)) == said, "a replay took another turn"

    # ------------------------------------------------------------------ workers

    def attempt_started(self, worker: WorkerId, attempt: Attempt) -> None:
        """An interpreter has begun to run an attempt."""
        self.starts[attempt.jid] += 1
        spec = attempt.spec.spec
        if not spec.restartable:
            again = self.starts[attempt.jid] - 1
            assert again <= spec.retries, f"I5: {attempt!r} may not run again"
        job = self._registry.jobs.get(attempt.jid)
        if job is None or not isinstance(job.state, HELD_STATES):
            return
        lease = job.state.lease
        if lease.fence == attempt.fence:
            assert lease.worker == worker, f"I8: {attempt!r} has its lease elsewhere"

    # ------------------------------------------------------------------ clients

    def client_heard(self, message: Any) -> list[JobId]:
        """Compare what a client hears with what is known; return the jobs whose outcome it is."""
        match message:
            case JobsDone(jids, results):
                for jid, result in zip(jids, results, strict=True):
                    self._compare(jid, ("done", result))
                return jids
            case JobFailed(jid, status, failure):
                content = None if status is JobStatus.KILLED else failure
                self._compare(jid, (status.value, content))
                return [jid]
        return []

    def _compare(self, jid: JobId, told: Outcome) -> None:
        known = self.outcomes.setdefault(jid, told)
        assert known == told, f"I2: job {jid} ended as {known}, and was told as {told}"


def _granted(turn: Turn) -> list[JobId]:
    return [
        jid
        for effect in turn.effects
        if isinstance(effect, SendToWorker) and isinstance(effect.message, RunJobs)
        for jid in effect.message.jids
    ]


def _content(state: Any) -> object:
    """What of a final state its watchers are told."""
    return getattr(state, "result", None) or getattr(state, "failure", None)
