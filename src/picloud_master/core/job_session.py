"""The session of a running job, and what a turn has to say to such sessions."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from picloud.protocol import limits
from picloud.protocol.client_messages import JobFailed, JobsDone, Refused
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId, SessionId
from picloud.protocol.jobs import JobStatus
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import TellJob
from picloud_master.core.effects import SendToWorker
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.actor import JobActor
from picloud_master.core.lease import Lease
from picloud_master.core.session import ClientSession


def is_of_job(session: SessionId) -> bool:
    """Clients' sessions count up from 1, those of jobs down from -1."""
    return session < 0


class JobSession(ClientSession):
    """A running attempt as a client: it may reach what its job holds, and nothing else.

    It begins with the first words of an attempt and ends with the attempt's lease.

    Attributes:
        job: who speaks.
        lease: of the attempt; where its process is.
        cyclic: jobs that it must not wait for, though it has shown their capabilities.
        failure: how the attempt ends, whatever its worker says, once its process has sent
            nonsense; from then on it is not listened to.
    """

    __slots__ = ("cyclic", "failure", "job", "lease")

    def __init__(self, session_id: SessionId, job: JobActor, lease: Lease) -> None:
        super().__init__(session_id, job.submission.owner)
        self.name = f"job {job.id}"
        self.job = job
        self.lease = lease
        self.cyclic = Holdings()
        self.failure: Failure | None = None
        # What a job holds may be shared with others of its submission until it speaks.
        job.holds = Holdings() if job.holds is None else job.holds.copy()

    @property
    def holds(self) -> Holdings:
        """The jobs that it may know of."""
        holds = self.job.holds
        return Holdings() if holds is None else holds

    def hold(self, first: int, stop: int) -> None:
        """Its job has made these."""
        self.holds.add(first, stop)

    def take(self, handles: Holdings) -> None:
        """Its job has come to know of these."""
        self.holds.update(handles)


class Letters:
    """Messages for jobs, collected while a turn runs and sent once: one `TellJob` for each job."""

    def __init__(self) -> None:
        self._messages: dict[SessionId, list[Any]] = {}

    def add(self, session: SessionId, message: Any) -> None:  # Any: ToClient
        """Tell this job."""
        messages = self._messages.get(session)
        if messages is None:
            self._messages[session] = [message]
        else:
            messages.append(message)

    def effects(self, sessions: Mapping[SessionId, ClientSession]) -> Iterable[SendToWorker]:
        """Say it all, once; a job whose attempt has ended meanwhile hears nothing."""
        letters, self._messages = self._messages, {}
        for number, messages in letters.items():
            session = sessions.get(number)
            if isinstance(session, JobSession):
                yield from _told(session, messages)


def _told(session: JobSession, messages: list[Any]) -> Iterator[SendToWorker]:
    lease = session.lease
    frames = WIRE.encode_frames(messages)
    if any(len(frame) > limits.MAX_PAYLOAD for frame in frames):
        frames = WIRE.encode_frames(list(chain.from_iterable(map(_shortened, messages))))
    for frame in frames:
        # It promises what a client is promised, so it waits for the commit as that does.
        yield SendToWorker(lease.worker, TellJob(session.job.id, lease.fence, frame), True)


def _shortened(message: Any) -> Iterable[object]:
    """The message, or what is said instead if it would not fit into one to a worker."""
    if len(WIRE.encode([message])) <= limits.MAX_PAYLOAD:
        return [message]
    text = "it is too large to be sent to a job"
    match message:
        case JobsDone(jids):
            failure = Failure(FailureKind.SERIALIZATION, f"of the job's result: {text}")
            return [JobFailed(jid, JobStatus.ERROR, failure) for jid in jids]
        case JobFailed(jid, status, failure):
            return [JobFailed(jid, status, Failure(failure.kind, failure.message))]
        case _:
            return [Refused(message.request, False, JobId(0), f"of the answer: {text}")]
