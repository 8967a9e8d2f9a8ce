"""What each message of a client means, by message type."""

from collections.abc import Callable, Iterable
from typing import Any

from picloud.protocol.client_messages import (
    Accepted,
    AskInfo,
    AskStatus,
    AskWhy,
    DeleteJobs,
    InfosRead,
    JobsUnknown,
    KillAllJobs,
    KillJobs,
    ReasonRead,
    Refused,
    ReserveJids,
    StatusesRead,
    SubmitJobs,
    WatchJobs,
)
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, RequestId
from picloud.protocol.jobs import CORE_TYPES
from picloud.protocol.worker_messages import ReadOutput
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.inquiries import Inquiry
from picloud_master.core.job.actor import JobActor, SpecRecord, Submission
from picloud_master.core.job.events import DELETE_REQUESTED, KILL_REQUESTED, DeleteRequested
from picloud_master.core.job.states import Leased, Queued, Running
from picloud_master.core.job.transitions import TRANSITIONS
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession
from picloud_master.core.summaries import info_of, reason_of

_UNFINISHED = frozenset({Queued, Leased, Running})


def take(registry: Registry, session: ClientSession, message: Any) -> None:
    """Carry out one message.

    Raises:
        Misbehaviour: a client may not send this, or not now.
    """
    handler = _HANDLERS.get(type(message))
    if handler is None:
        raise Misbehaviour(f"a client does not send {type(message).__name__}")
    handler(registry, session, message)


# ------------------------------------------------------------------ submitting


def _define_spec(registry: Registry, session: ClientSession, message: DefineSpec) -> None:
    if message.number in session.specs:
        raise Misbehaviour(f"spec {message.number} is defined already")
    spec = message.spec
    if spec.core_type not in CORE_TYPES or spec.cores < 1:
        raise Misbehaviour(f"{spec.cores} cores of type {spec.core_type!r} do not exist")
    record = SpecRecord(registry.new_spec_number(), spec, message.code)
    session.specs[message.number] = record


def _forget_spec(registry: Registry, session: ClientSession, message: ForgetSpec) -> None:
    record = session.specs.pop(message.number, None)
    if record is None:
        raise Misbehaviour(f"spec {message.number} is not defined")
    registry.drop_spec(record)


def _submit(registry: Registry, session: ClientSession, message: SubmitJobs) -> None:
    spec = session.specs.get(message.spec)
    first, payloads = message.first, message.payloads
    if spec is None:
        raise Misbehaviour(f"spec {message.spec} is not defined")
    if not payloads:
        raise Misbehaviour("a submission without jobs")
    if not session.may_use(first, len(payloads)):
        raise Misbehaviour(f"job ids from {first} on are not reserved for this session")
    if not registry.jobs.keys().isdisjoint(range(first, first + len(payloads))):
        raise Misbehaviour(f"job ids from {first} on are in use already")
    submission = Submission(session.owner, session.id, spec, registry.context.now)
    jobs = [JobActor(JobId(first + i), submission, payload) for i, payload in enumerate(payloads)]
    if message.watched:
        only_eager = (session.eager,)  # shared by all of them
        for job in jobs:
            job.watchers = only_eager
    registry.add_jobs(jobs)


def _reserve(registry: Registry, session: ClientSession, message: ReserveJids) -> None:
    if session.reserved >= registry.policy.max_jids_per_session:
        raise Misbehaviour("no session needs so many job ids")
    registry.reserve_jids(session)


# ------------------------------------------------------------------ waiting


def _watch(registry: Registry, session: ClientSession, message: WatchJobs) -> None:
    watcher = session.with_results if message.results else session.without_results
    only_this = (watcher,)  # shared by all jobs that nobody else watches
    unknown: list[JobId] = []
    for jid in message.jids:
        job = registry.find(session, jid)
        if job is None:
            unknown.append(jid)
        elif type(job.state) not in _UNFINISHED:
            registry.announce(job, watcher)
        elif not job.watchers:
            job.watchers = only_this
        elif watcher not in job.watchers:
            others = [other for other in job.watchers if other is not session.eager]
            job.watchers = (*others, watcher)
    if unknown:
        registry.say_to_client(session.id, JobsUnknown(unknown))


# ------------------------------------------------------------------ managing


def _kill(registry: Registry, session: ClientSession, message: KillJobs) -> None:
    jobs = _jobs_of(registry, session, message.request, message.jids)
    if jobs is not None:
        _kill_each(registry, jobs)
        registry.say_to_client(session.id, Accepted(message.request))


def _kill_all(registry: Registry, session: ClientSession, message: KillAllJobs) -> None:
    unfinished = [
        job
        for job in registry.jobs.values()
        if job.submission.owner == session.owner and type(job.state) in _UNFINISHED
    ]
    _kill_each(registry, unfinished)
    registry.say_to_client(session.id, Accepted(message.request))


def _kill_each(registry: Registry, jobs: Iterable[JobActor]) -> None:
    for job in jobs:
        registry.tell_job(job, KILL_REQUESTED)


def _delete(registry: Registry, session: ClientSession, message: DeleteJobs) -> None:
    jobs = _jobs_of(registry, session, message.request, message.jids)
    if jobs is None:
        return
    for job in jobs:
        if DeleteRequested not in TRANSITIONS[type(job.state)]:
            text = f"job {job.id} is {job.status.value}; only finished jobs can be deleted"
            refusal = Refused(message.request, False, job.id, text)
            registry.say_to_client(session.id, refusal)
            return
    for job in dict.fromkeys(jobs):  # a job may be named twice
        registry.tell_job(job, DELETE_REQUESTED)
    registry.say_to_client(session.id, Accepted(message.request))


def _ask_status(registry: Registry, session: ClientSession, message: AskStatus) -> None:
    jobs = _jobs_of(registry, session, message.request, message.jids)
    if jobs is not None:
        statuses = [job.status.value for job in jobs]
        registry.say_to_client(session.id, StatusesRead(message.request, statuses))


def _ask_info(registry: Registry, session: ClientSession, message: AskInfo) -> None:
    jobs = _jobs_of(registry, session, message.request, message.jids)
    if jobs is None:
        return
    awaited: set[JobId] = set()
    for job in jobs:
        if isinstance(job.state, Leased | Running):
            awaited.add(job.id)
            lease = job.state.lease
            question = ReadOutput(job.id, lease.fence)
            registry.say_to_worker(lease.worker, question, not job.spec.restartable)
    registry.inquiries.add(Inquiry(session.id, message.request, message.jids, awaited))


def answer_inquiry(registry: Registry, inquiry: Inquiry) -> None:
    """Say what is known of the jobs; a job deleted meanwhile makes it a refusal."""
    session = registry.sessions[inquiry.session]
    jobs = _jobs_of(registry, session, inquiry.request, inquiry.jids)
    if jobs is not None:
        infos = [info_of(registry, job) for job in jobs]
        registry.say_to_client(session.id, InfosRead(inquiry.request, infos))


def _ask_why(registry: Registry, session: ClientSession, message: AskWhy) -> None:
    jobs = _jobs_of(registry, session, message.request, [message.jid])
    if jobs is not None:
        reason = reason_of(registry, jobs[0])
        registry.say_to_client(session.id, ReasonRead(message.request, reason))


def _jobs_of(
    registry: Registry, session: ClientSession, request: RequestId, jids: list[JobId]
) -> list[JobActor] | None:
    """The jobs of these ids; None, and a refusal, if the session may not know one of them."""
    jobs: list[JobActor] = []
    for jid in jids:
        job = registry.find(session, jid)
        if job is None:
            text = f"there is no job {jid} that this session may read"
            registry.say_to_client(session.id, Refused(request, True, jid, text))
            return None
        jobs.append(job)
    return jobs


_HANDLERS: dict[type, Callable[[Registry, ClientSession, Any], None]] = {
    DefineSpec: _define_spec,
    ForgetSpec: _forget_spec,
    SubmitJobs: _submit,
    ReserveJids: _reserve,
    WatchJobs: _watch,
    KillJobs: _kill,
    KillAllJobs: _kill_all,
    DeleteJobs: _delete,
    AskStatus: _ask_status,
    AskInfo: _ask_info,
    AskWhy: _ask_why,
}
