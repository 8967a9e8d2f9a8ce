"""Who may reach which jobs, and that no job can come to wait for itself: see docs/access.md.

What a job holds are edges from it to others. The rules by which it comes to hold them keep this
graph free of cycles, and it can wait only for what it holds. R1 to R5 are the rules of that page.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat

from picloud.protocol.capabilities import is_valid
from picloud.protocol.client_messages import PresentHandles, SubmitJobs
from picloud.protocol.ids import JobId
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import BLOCKED_STATES
from picloud_master.core.job_session import JobSession
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession

_MOST_VISITED = 1 << 18
"""Jobs that one search looks at; whoever holds more than that in a tangle is refused."""

# ------------------------------------------------------------------ given with a job, R1 and R3


def endow(
    registry: Registry,
    session: ClientSession,
    jobs: Sequence[JobActor],
    message: SubmitJobs,
    dependencies: Holdings,
) -> None:
    """Let new jobs hold what they were given: what their submitter holds of what they name.

    Must be called before their own ids count as held by anyone: none of them may hold another.
    """
    # A client holds all jobs that there are; ids of later ones would open a way round the proof.
    known = session.holds if isinstance(session, JobSession) else registry.used_jids
    common = Holdings.of(jobs[0].submission.spec.handles or ()).within(known)
    common.update(dependencies.within(known))
    if message.handles is None:
        if common:
            for job in jobs:
                job.holds = common  # shared; a session makes itself a copy
        return
    if len(message.handles) != len(jobs):
        raise Misbehaviour("columns of different lengths")
    for job, handles in zip(jobs, message.handles, strict=True):
        own = common
        if handles:
            own = Holdings.of(handles).within(known)
            own.update(common)
        job.holds = own or None


# ------------------------------------------------------------------ shown by a capability, R5


def claim(registry: Registry, session: JobSession, message: PresentHandles) -> None:
    """Let a job hold jobs whose capabilities it shows, unless one could come to wait for it."""
    if len(message.ranges) != 2 * len(message.capabilities):
        raise Misbehaviour("columns of different lengths")
    if message.wholes is not None and len(message.wholes) != len(message.capabilities):
        raise Misbehaviour("columns of different lengths")
    ranges = zip(message.ranges[::2], message.ranges[1::2], strict=True)
    shown = zip(ranges, message.capabilities, message.wholes or repeat(()), strict=False)
    for (first, stop), capability, wholes in shown:
        if is_valid(registry.key, first, stop, capability, wholes):
            presented = Holdings.of([first, stop]).within(registry.used_jids)
            _claim_jobs(registry, session, presented.without(session.holds))


def _claim_jobs(registry: Registry, session: JobSession, wanted: Holdings) -> None:
    if _owner_of(registry, wanted) != session.owner:
        return
    search = _Search(registry, session.job, wanted)
    if not search.finds_it_from(wanted):
        session.take(wanted)
        session.cyclic = session.cyclic.without(wanted)
        return
    for jid in wanted.ids():
        one = Holdings.of([jid, jid + 1])
        if search.finds_it_from(one):
            session.cyclic.update(one)
            registry.statistics.cycles_refused += 1
        else:
            session.take(one)
            session.cyclic = session.cyclic.without(one)


def _owner_of(registry: Registry, block: Holdings) -> str | None:
    """Whose jobs these are: all ids of a block were given to one session."""
    known = (registry.jobs.get(JobId(jid)) for jid in block.ids())
    return next((job.submission.owner for job in known if job is not None), None)


class _Search:
    """Walks along what jobs hold, to see whether a job can be reached; remembers where it cannot.

    A walk that has become too long counts as one that has arrived.
    """

    def __init__(self, registry: Registry, target: JobActor, wanted: Holdings) -> None:
        self._jobs = registry.jobs
        self._target = target.id
        self._left = _MOST_VISITED + sum(stop - first for first, stop in wanted.ranges())
        self._futile: set[tuple[int, int]] = set()

    def finds_it_from(self, start: Holdings) -> bool:
        """True if the target is one of these, or is held by one of these, and so on."""
        seen: set[tuple[int, int]] = set()
        line = [start]
        while line:
            holdings = line.pop()
            if self._target in holdings:
                return True
            for each in holdings.ranges():
                if each in seen or each in self._futile:
                    continue
                seen.add(each)
                self._left -= each[1] - each[0]
                if self._left < 0:
                    return True
                known = (self._jobs.get(JobId(jid)) for jid in range(*each))
                line += [job.holds for job in known if job is not None and job.holds]
        self._futile |= seen
        return False


# ------------------------------------------------------------------ the guard


def caught_in_cycle(registry: Registry, asker: JobActor, jobs: Sequence[JobActor]) -> set[JobId]:
    """Those of the unfinished `jobs` that wait, directly or not, for `asker`. Always empty.

    It does not rely on what jobs hold, but looks at who waits for whom at this moment. Only what
    has spoken, or depends on others, can wait; for all else this costs nothing.
    """
    speaking = registry.session_of_job
    suspects = [
        job.id for job in jobs if job.id in speaking or isinstance(job.state, BLOCKED_STATES)
    ]
    if not suspects:
        return set()
    waiting = _all_waiting_for(registry, asker)
    return {jid for jid in suspects if jid in waiting}


def _all_waiting_for(registry: Registry, job: JobActor) -> set[JobId]:
    """The job itself, all that wait for it, all that wait for those, and so on."""
    found = {job.id}
    line = [job.id]
    asked: set[Prerequisites] = set()  # whose jobs are found already: many may share many
    while line:
        jid = line.pop()
        known = registry.jobs.get(jid)
        more = list(watching(registry, known)) if known is not None else []
        for prerequisites in registry.dependants.get(jid, ()):
            if prerequisites not in asked:
                asked.add(prerequisites)
                more += prerequisites.waiting
        line += [each for each in more if each not in found]
        found.update(more)
    return found


def watching(registry: Registry, job: JobActor) -> Iterator[JobId]:
    """The jobs that watch this one."""
    for watcher in job.watchers:
        session = registry.sessions.get(watcher.session)
        if isinstance(session, JobSession):
            yield session.job.id
