"""What each message of a client means, by message type."""

from collections.abc import Callable, Iterable
from typing import Any

from picloud.protocol.client_messages import (
    Accepted,
    AskChain,
    AskInfo,
    AskStatus,
    AskWhy,
    DeleteJobs,
    InfosRead,
    JobsInCycle,
    JobsUnknown,
    KillAllJobs,
    KillJobs,
    PresentHandles,
    ReasonRead,
    Refused,
    ReserveJids,
    StatusesRead,
    SubmitJobs,
    WatchJobs,
)
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.environment_messages import (
    AskEnvironment,
    CreateEnvironment,
    DeleteEnvironment,
    ListEnvironments,
)
from picloud.protocol.ids import JobId, RequestId
from picloud.protocol.tree_messages import OfferTree, PutFiles
from picloud.protocol.worker_messages import ReadOutput
from picloud_master.core import (
    access,
    blob_requests,
    client_submissions,
    dependencies,
    environment_requests,
)
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.inquiries import Inquiry
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import DELETE_REQUESTED, KILL_REQUESTED, DeleteRequested
from picloud_master.core.job.states import HEARD_STATES, PLACED_STATES, UNFINISHED_STATES
from picloud_master.core.job.transitions import TRANSITIONS
from picloud_master.core.job_session import JobSession
from picloud_master.core.reasons import Reasons
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession
from picloud_master.core.summaries import chain_of, info_of, reason_of

_UNFINISHED = frozenset(UNFINISHED_STATES)


def take(registry: Registry, session: ClientSession, message: Any) -> None:
    """Carry out one message.

    Raises:
        Misbehaviour: a client may not send this, or not now.
    """
    handler = _HANDLERS.get(type(message))
    if handler is None:
        raise Misbehaviour(f"a client does not send {type(message).__name__}")
    handler(registry, session, message)


# ------------------------------------------------------------------ waiting


def _present(registry: Registry, session: ClientSession, message: PresentHandles) -> None:
    if not isinstance(session, JobSession):
        raise Misbehaviour("a client needs no capabilities")
    access.claim(registry, session, message)


def _may_wait_for(registry: Registry, session: JobSession, jids: list[JobId]) -> list[JobId]:
    """Leave out, and say so, what could never come; what a job waits for gets its urgency."""
    refused = {jid for jid in jids if _is_cyclic(registry, session, jid)}
    found = (registry.find(session, jid) for jid in jids)
    awaited = [job for job in found if job is not None and isinstance(job.state, UNFINISHED_STATES)]
    met = access.caught_in_cycle(registry, session.job, awaited)
    registry.statistics.cycles_met += len(met)
    refused |= met
    rank = session.job.rank + 1
    for job in awaited:
        if job.id not in met:
            dependencies.make_urgent(registry, job, rank, session.job.priority)
    if not refused:
        return jids
    registry.say_to_client(session.id, JobsInCycle([jid for jid in jids if jid in refused]))
    return [jid for jid in jids if jid not in refused]


def _watch(registry: Registry, session: ClientSession, message: WatchJobs) -> None:
    watcher = session.with_results if message.results else session.without_results
    only_this = (watcher,)  # shared by all jobs that nobody else watches
    unknown: list[JobId] = []
    jids = message.jids
    if isinstance(session, JobSession):
        jids = _may_wait_for(registry, session, jids)
    for jid in jids:
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
        if type(job.state) in _UNFINISHED and registry.find(session, job.id) is not None
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
        if isinstance(job.state, HEARD_STATES):
            awaited.add(job.id)
        if isinstance(job.state, PLACED_STATES):  # that of one being killed comes unasked
            lease = job.state.lease
            question = ReadOutput(job.id, lease.fence)
            registry.say_to_worker(lease.worker, question, not job.spec.restartable)
    registry.inquiries.add(Inquiry(session.id, message.request, message.jids, awaited))


def answer_inquiry(registry: Registry, inquiry: Inquiry) -> None:
    """Say what is known of the jobs; a job deleted meanwhile makes it a refusal."""
    session = registry.sessions[inquiry.session]
    jobs = _jobs_of(registry, session, inquiry.request, inquiry.jids)
    if jobs is not None:
        reasons = Reasons(registry)
        infos = [info_of(registry, job, reasons) for job in jobs]
        if not isinstance(session, JobSession):  # a job learns of no jobs but those that it holds
            for job, info in zip(jobs, infos, strict=True):
                info["parent"] = job.submission.parent
                info["children"] = registry.children.get(job.id, 0)
        registry.say_to_client(session.id, InfosRead(inquiry.request, infos))


def _ask_why(registry: Registry, session: ClientSession, message: AskWhy) -> None:
    jobs = _jobs_of(registry, session, message.request, [message.jid])
    if jobs is not None:
        reason = reason_of(registry, jobs[0])
        registry.say_to_client(session.id, ReasonRead(message.request, reason))


def _ask_chain(registry: Registry, session: ClientSession, message: AskChain) -> None:
    if not isinstance(session, JobSession):
        raise Misbehaviour("no function has led to a client")
    chain = chain_of(registry, session.job)
    registry.say_to_client(session.id, ReasonRead(message.request, chain))


def _jobs_of(
    registry: Registry, session: ClientSession, request: RequestId, jids: list[JobId]
) -> list[JobActor] | None:
    """The jobs of these ids; None, and a refusal, if the session may not know one of them."""
    jobs: list[JobActor] = []
    for jid in jids:
        job = registry.find(session, jid)
        if job is None:
            registry.say_to_client(session.id, _refusal(registry, session, request, jid))
            return None
        jobs.append(job)
    return jobs


def _refusal(registry: Registry, session: ClientSession, request: RequestId, jid: JobId) -> Refused:
    if isinstance(session, JobSession) and _is_cyclic(registry, session, jid):
        text = f"job {jid} may come to wait for the job that asks: that could never end"
        return Refused(request, False, jid, text, cycle=True)
    # The same words for a job that does not exist and for one that is not held.
    return Refused(request, True, jid, f"there is no job {jid} that this session may read")


def _is_cyclic(registry: Registry, session: JobSession, jid: JobId) -> bool:
    """It has shown this job's capability, but must not wait for it."""
    return jid in session.cyclic and registry.find(session, jid) is None


_HANDLERS: dict[type, Callable[[Registry, ClientSession, Any], None]] = {
    DefineSpec: client_submissions.define_spec,
    ForgetSpec: client_submissions.forget_spec,
    OfferTree: client_submissions.offer_tree,
    PutFiles: client_submissions.put_files,
    CreateEnvironment: environment_requests.create,
    ListEnvironments: environment_requests.list_all,
    AskEnvironment: environment_requests.ask,
    DeleteEnvironment: environment_requests.delete,
    SubmitJobs: client_submissions.submit,
    ReserveJids: client_submissions.reserve,
    PresentHandles: _present,
    WatchJobs: _watch,
    KillJobs: _kill,
    KillAllJobs: _kill_all,
    DeleteJobs: _delete,
    AskStatus: _ask_status,
    AskInfo: _ask_info,
    AskWhy: _ask_why,
    AskChain: _ask_chain,
    **dict.fromkeys(blob_requests.MESSAGES, blob_requests.take_of_client),
}
