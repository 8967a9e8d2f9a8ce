"""Specs, ids and new jobs: what a client says to have work done."""

from dataclasses import replace

from picloud.protocol.client_messages import JobsInCycle, ReserveJids, SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import CORE_TYPES
from picloud.protocol.tree_messages import FilesWanted, OfferTree, PutFiles
from picloud_master.core import access, dependencies
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.actor import JobActor, Submission
from picloud_master.core.job.states import Blocked
from picloud_master.core.job_session import JobSession
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession


def define_spec(registry: Registry, session: ClientSession, message: DefineSpec) -> None:
    """Remember a function and how to run it."""
    if message.number in session.specs:
        raise Misbehaviour(f"spec {message.number} is defined already")
    spec = message.spec
    if spec.core_type not in CORE_TYPES or spec.cores < 1:
        raise Misbehaviour(f"{spec.cores} cores of type {spec.core_type!r} do not exist")
    registry.environments.check(session.owner, spec.environment)
    registry.blobs.named_by(session.owner, message.code)  # refused before anything is counted
    if isinstance(session, JobSession):
        tree = session.job.submission.spec.tree  # its functions are of the modules that it has
        record = registry.specs.define_shared(_inheriting(session, message), session.owner, tree)
    else:
        tree = registry.trees.use(session.owner, message.tree)
        record = registry.specs.define(message, session.owner, tree)
    session.specs[message.number] = record


def _inheriting(session: JobSession, message: DefineSpec) -> DefineSpec:
    """Jobs of a job have its environment, unless they name another: its function is of there."""
    environment = session.job.spec.environment
    if not environment or message.spec.environment:
        return message
    return replace(message, spec=replace(message.spec, environment=environment))


def offer_tree(registry: Registry, session: ClientSession, message: OfferTree) -> None:
    """Say which files of a tree are not here yet."""
    wanted = registry.trees.offer(session.owner, message)
    registry.say_to_client(session.id, FilesWanted(message.digest, wanted))


def put_files(registry: Registry, session: ClientSession, message: PutFiles) -> None:
    """Keep files of trees that were offered."""
    registry.trees.put(session.owner, message.contents)


def forget_spec(registry: Registry, session: ClientSession, message: ForgetSpec) -> None:
    """Its client will not name it any more."""
    record = session.specs.pop(message.number, None)
    if record is None:
        raise Misbehaviour(f"spec {message.number} is not defined")
    registry.specs.drop(record)


def reserve(registry: Registry, session: ClientSession, message: ReserveJids) -> None:
    """Give another block of ids; a job's first one is given like this, too."""
    if session.reserved >= registry.policy.max_jids_per_session:
        raise Misbehaviour("no session needs so many job ids")
    registry.reserve_jids(session)


def submit(registry: Registry, session: ClientSession, message: SubmitJobs) -> None:
    """Take new jobs of one spec."""
    spec = session.specs.get(message.spec)
    first, payloads = message.first, message.payloads
    stop = first + len(payloads)
    if spec is None:
        raise Misbehaviour(f"spec {message.spec} is not defined")
    if not payloads:
        raise Misbehaviour("a submission without jobs")
    if not session.may_use(first, len(payloads)):
        raise Misbehaviour(f"job ids from {first} on are not reserved for this session")
    if registry.used_jids.overlaps(first, stop):
        raise Misbehaviour(f"job ids from {first} on are in use already")
    parent = session.job if isinstance(session, JobSession) else None
    submission = Submission(session.owner, session.id, spec, registry.context.now, parent)
    jobs = [JobActor(JobId(first + i), submission, payload) for i, payload in enumerate(payloads)]
    if message.watched:
        only_eager = (session.eager,)  # shared by all of them
        for job in jobs:
            job.watchers = only_eager
    depends_on = message.depends_on
    named: Holdings | None = None
    if depends_on or spec.handles or message.handles is not None:
        named = Holdings.of(depends_on) if depends_on else Holdings()
        access.endow(registry, session, jobs, message, named)
    if message.spilled:
        _hold_blobs(registry, session, jobs)
    if named:
        _add_dependent(registry, session, jobs, named, message.ignore_errors)
    else:
        registry.add_jobs(jobs)
    registry.statistics.submitted += len(jobs)
    if isinstance(session, JobSession):
        _note_children(registry, session, jobs, message)


def _hold_blobs(registry: Registry, session: ClientSession, jobs: list[JobActor]) -> None:
    """The jobs' arguments hold the blobs that they name, from before anything can end the jobs."""
    blobs = registry.blobs
    places = {job.id: blobs.named_by(session.owner, job.payload) for job in jobs}
    for jid, named in places.items():
        if named:
            blobs.of_arguments[jid] = named
            blobs.hold(named)


def _note_children(
    registry: Registry, session: JobSession, jobs: list[JobActor], message: SubmitJobs
) -> None:
    """A job holds its children; it waits for them from now on if it watches them."""
    parent = session.job
    session.hold(jobs[0].id, jobs[-1].id + 1)
    registry.children[parent.id] = registry.children.get(parent.id, 0) + len(jobs)
    registry.statistics.nested += len(jobs)
    if message.watched and type(jobs[0].state) is Blocked:
        if access.caught_in_cycle(registry, parent, jobs[:1]):
            registry.statistics.cycles_met += 1
            for job in jobs:
                job.watchers = ()
            registry.say_to_client(session.id, JobsInCycle([job.id for job in jobs]))
        else:
            # What it depends on becomes so, too.
            dependencies.make_urgent(registry, jobs[0], parent.rank + 1, parent.priority)


def _add_dependent(
    registry: Registry,
    session: ClientSession,
    jobs: list[JobActor],
    named: Holdings,
    ignore_errors: bool,
) -> None:
    depends_on: list[JobId] = []
    missing: JobId | None = None
    for jid in map(JobId, named.ids()):
        if registry.find(session, jid) is None:
            missing = jid
            break
        depends_on.append(jid)
    dependencies.submit(registry, jobs, depends_on, missing, ignore_errors)
