"""What a running job says: the messages of a client, on the job's own rights."""

from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import SessionId
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import StopAttempts
from picloud_master.core import client_requests
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job_session import JobSession
from picloud_master.core.registry import Registry


def hear(registry: Registry, job: JobActor, frame: bytes) -> None:
    """Carry out a frame of messages of the attempt that runs under the job's lease.

    Nonsense ends the attempt, and harms nobody else.
    """
    session = registry.session_of_job.get(job.id) or _open(registry, job)
    if session.failure is not None:
        return  # its process is being ended
    try:
        for message in WIRE.decode(frame):
            registry.story.add(registry.context.now, session.name, message)
            client_requests.take(registry, session, message)
    except (Misbehaviour, RemoteProtocolError) as error:
        _end_attempt(registry, session, str(error))


def _open(registry: Registry, job: JobActor) -> JobSession:
    registry.job_sessions_opened += 1
    lease = job.state.lease  # type: ignore[union-attr]  # it is placed
    session = JobSession(SessionId(-registry.job_sessions_opened), job, lease)
    registry.sessions[session.id] = registry.session_of_job[job.id] = session
    return session


def _end_attempt(registry: Registry, session: JobSession, text: str) -> None:
    """Have its worker end it. Only then is the attempt over, with the failure noted here.

    Until then its processes may run, so its lease lives, as that of a killed job does.
    """
    registry.statistics.misbehaved += 1
    text = f"the job's process spoke nonsense to its cloud: {text}"
    session.failure = Failure(FailureKind.EXCEPTION, text)
    lease = session.lease
    stop = StopAttempts([session.job.id], [lease.fence])
    # It must not overtake the lease, which waits for the commit if the job may start only once.
    registry.say_to_worker(lease.worker, stop, not session.job.spec.restartable)
