"""What a turn has to say, collected while it runs and said once: one batch per peer and kind."""

from collections.abc import Iterable, Iterator, Mapping

from picloud.protocol.client_messages import JobFailed, JobsDone
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.environment_messages import DefineEnvironment
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import Fence, JobId, WorkerId
from picloud.protocol.jobs import JobStatus
from picloud.protocol.tree_messages import DefineTree, PutFiles
from picloud.protocol.worker_messages import RunJobs, StopAttempts
from picloud_master.core.batches import pieces
from picloud_master.core.effects import Effect, SendToClient, SendToWorker
from picloud_master.core.job.actor import JobActor, SpecRecord, Watcher
from picloud_master.core.job.states import Done, Errored, Following, Stalled
from picloud_master.core.lease import Lease
from picloud_master.core.trees import TreeRecord
from picloud_master.core.worker.actor import WorkerActor

Spilled = Mapping[JobId, object]
"""By id, the jobs whose arguments name blobs."""

_KILLED = Failure(FailureKind.KILLED, "the job was killed")


class Outcomes:
    """Outcomes to announce, grouped by who wants to hear of them."""

    def __init__(self) -> None:
        self._done: dict[Watcher, tuple[list[JobId], list[bytes | None]]] = {}
        self._failed: list[tuple[Watcher, JobFailed]] = []

    def add(self, watcher: Watcher, job: JobActor) -> None:
        """Tell this watcher how this job ended."""
        state = job.state
        if type(state) is Done:
            column = self._done.get(watcher)
            if column is None:
                column = self._done[watcher] = ([], [])
            column[0].append(job.id)
            column[1].append(state.result if len(state.result) <= watcher.largest else None)
        else:
            self._failed.append((watcher, failed(job)))

    def effects(self) -> Iterator[SendToClient]:
        """Say it all, once."""
        done, self._done = self._done, {}
        failed, self._failed = self._failed, []
        for watcher, (jids, results) in done.items():
            for piece in pieces(results):
                yield SendToClient(watcher.session, JobsDone(jids[piece], results[piece]))
        for watcher, message in failed:
            yield SendToClient(watcher.session, message)


def failed(job: JobActor) -> JobFailed:
    """How a job ended that is not done."""
    state = job.state
    if type(state) is Errored:
        return JobFailed(job.id, JobStatus.ERROR, state.failure)
    if type(state) is Stalled:
        return JobFailed(job.id, JobStatus.STALLED, state.failure)
    return JobFailed(job.id, JobStatus.KILLED, _KILLED)


class Orders:
    """Attempts to start and to stop, grouped by worker."""

    def __init__(self) -> None:
        self._starts: dict[WorkerId, list[JobActor]] = {}
        self._stops: dict[tuple[WorkerId, bool], tuple[list[JobId], list[Fence]]] = {}
        self._have_inputs = False

    def start(self, worker: WorkerId, job: JobActor) -> None:
        """Run this job there."""
        jobs = self._starts.get(worker)
        if jobs is None:
            jobs = self._starts[worker] = []
        jobs.append(job)
        if job.submission.prerequisites is not None:
            self._have_inputs = True

    def stop(self, lease: Lease, job: JobActor) -> None:
        """End this job's attempt there."""
        # It must not overtake the lease, which waits for the commit if the job may start only once.
        key = (lease.worker, not job.spec.restartable)
        jids, fences = self._stops.setdefault(key, ([], []))
        jids.append(job.id)
        fences.append(lease.fence)

    def effects(self, workers: dict[WorkerId, WorkerActor], spilled: Spilled) -> Iterator[Effect]:
        """Say it all, once; a spec goes ahead of its first attempt on a worker."""
        starts, self._starts = self._starts, {}
        stops, self._stops = self._stops, {}
        have_inputs, self._have_inputs = self._have_inputs, False
        for worker_id, jobs in starts.items():
            for same in _alike(jobs):
                yield from _start(workers[worker_id], same, have_inputs, spilled)
        for (worker_id, after_commit), (jids, fences) in stops.items():
            yield SendToWorker(worker_id, StopAttempts(jids, fences), after_commit)


def _alike(jobs: list[JobActor]) -> Iterable[list[JobActor]]:
    """Groups of one spec, rank and priority; most jobs are like the one before."""
    groups: dict[tuple[SpecRecord, int, int], list[JobActor]] = {}
    spec: SpecRecord | None = None
    rank = priority = -1
    group: list[JobActor] = []
    for job in jobs:
        if job.submission.spec is not spec or job.rank != rank or job.priority != priority:
            spec, rank, priority = job.submission.spec, job.rank, job.priority
            group = groups.setdefault((spec, rank, priority), [])
        group.append(job)
    return groups.values()


def _start(
    worker: WorkerActor, jobs: list[JobActor], have_inputs: bool, spilled: Spilled
) -> Iterator[Effect]:
    spec = jobs[0].submission.spec
    # A job that must not start twice is sent only once its lease is on record.
    after_commit = not spec.spec.restartable
    if spec.number not in worker.known_specs:
        worker.known_specs.add(spec.number)
        tree = spec.tree
        if tree is not None and tree.digest not in worker.known_trees:
            yield from _introduce(worker, tree, after_commit)
        environment = spec.environment and spec.environment.environment
        if environment and environment.digest not in worker.known_environments:
            worker.known_environments.add(environment.digest)
            told = DefineEnvironment(environment.digest, environment.python, environment.lock)
            yield SendToWorker(worker.id, told, after_commit)
        owner, digest = jobs[0].submission.owner, tree.digest if tree is not None else b""
        definition = DefineSpec(spec.number, spec.spec, spec.code, owner, None, digest)
        yield SendToWorker(worker.id, definition, after_commit)
    payloads = [job.payload for job in jobs]
    jids = [job.id for job in jobs]
    # All were granted in this turn, so they share one lease.
    fence = jobs[0].state.lease.fence  # type: ignore[union-attr]  # they have been granted
    rank = jobs[0].rank
    priority = None if jobs[0].priority == spec.spec.priority else jobs[0].priority
    if not have_inputs:
        for piece in pieces(payloads):
            columns = jids[piece], payloads[piece]
            have = _have(spilled, jids[piece])
            run = RunJobs(spec.number, fence, *columns, rank, None, None, have, priority)
            yield SendToWorker(worker.id, run, after_commit)
        return
    inputs = [_inputs_of(job) for job in jobs]
    leaders = [_leaders_of(job) for job in jobs]
    for piece in pieces(list(map(bytes.__add__, payloads, inputs))):
        run = RunJobs(
            spec.number,
            fence,
            jids[piece],
            payloads[piece],
            rank,
            inputs[piece],
            leaders[piece] if any(leaders[piece]) else None,
            _have(spilled, jids[piece]),
            priority,
        )
        # A job is told only what is committed, as any client is.
        yield SendToWorker(worker.id, run, after_commit=True)


def _have(spilled: Spilled, jids: list[JobId]) -> bool:
    return bool(spilled) and not spilled.keys().isdisjoint(jids)


def _introduce(worker: WorkerActor, tree: TreeRecord, after_commit: bool) -> Iterator[Effect]:
    """Send a tree, with those contents that came with no other one."""
    known = frozenset[bytes]().union(*worker.known_trees.values())
    contents = {file.digest: file.content or b"" for file in tree.files}
    missing = [content for digest, content in contents.items() if digest not in known]
    for piece in pieces(missing):
        yield SendToWorker(worker.id, PutFiles(missing[piece]), after_commit)
    digests = [file.digest for file in tree.files]
    worker.known_trees[tree.digest] = frozenset(digests)
    yield SendToWorker(worker.id, DefineTree(tree.digest, tree.paths, digests), after_commit)


def _leaders_of(job: JobActor) -> list[JobId]:
    state = job.state
    return sorted(state.prerequisites.pending) if type(state) is Following else []


def _inputs_of(job: JobActor) -> bytes:
    prerequisites = job.submission.prerequisites
    return (prerequisites.inputs or b"") if prerequisites is not None else b""
