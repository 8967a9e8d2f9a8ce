"""What an outcome gives to whoever is told it: rule R2 of docs/access.md."""

from collections.abc import Mapping

from picloud.protocol.ids import SessionId
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.actor import JobActor, Watcher
from picloud_master.core.job.states import Done, Errored
from picloud_master.core.job_session import JobSession
from picloud_master.core.session import ClientSession

Sessions = Mapping[SessionId, ClientSession]


def settle(sessions: Sessions, job: JobActor) -> None:
    """From now on a job that has ended is a way to those jobs only that its outcome names."""
    state = job.state
    if job.holds and isinstance(state, Errored) and state.failure.handles:
        job.gives = Holdings.of(state.failure.handles).within(job.holds)
    job.holds = job.gives
    if job.gives is not None:
        for watcher in job.watchers:
            hand_over(sessions, job, watcher)


def hand_over(sessions: Sessions, job: JobActor, watcher: Watcher) -> None:
    """A job that is told an outcome with its bytes holds the jobs that they name."""
    session = sessions.get(watcher.session)
    if job.gives is not None and isinstance(session, JobSession):
        state = job.state
        if not isinstance(state, Done) or len(state.result) <= watcher.largest:
            session.take(job.gives)
