"""A small honest master in this process: it runs jobs at once, on the engine's loop.

Jobs whose label is `held` wait until `release`; after it they run like others. It speaks the real
protocol over the real link and session, so what passes here is what a master sees; it has no
workers, queues or grants.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from picloud.aio.loop_thread import LoopThread
from picloud.aio.memory import MemoryChannel
from picloud.aio.session import LinkSession
from picloud.client import Client
from picloud.code import values
from picloud.code.exceptions import describing
from picloud.protocol import client_messages as messages
from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.environment_messages import AskEnvironment, EnvironmentRead, PythonsOffered
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobSpec, JobStatus
from picloud.protocol.link import Link, LinkEvent, MessagesReceived
from picloud.protocol.link_messages import PeerRole
from picloud.protocol.tree_messages import FilesWanted, OfferTree
from picloud.session import Session

Outcome = bytes | messages.JobFailed


@dataclass
class FakeJob:
    """A job, and its outcome once it has one."""

    spec: JobSpec
    code: bytes
    payload: bytes
    outcome: Outcome | None = None

    @property
    def status(self) -> str:
        """PiCloud's word."""
        if self.outcome is None:
            return "queued"
        return "done" if isinstance(self.outcome, bytes) else self.outcome.status.value


@dataclass
class FakeMaster:
    """Everything it was told is kept in `received`.

    Args:
        ids: how many job ids a session gets at a time.
        is_mute: never answers a question, and never says that a job is done.
        refusal: what it says to those who offer it blobs.
    """

    ids: int = 1 << 20
    is_mute: bool = False
    is_holding: bool = True
    refusal: str = ""
    received: list[Any] = field(default_factory=list)
    jobs: dict[int, FakeJob] = field(default_factory=dict)
    channel_class: type[MemoryChannel] = MemoryChannel
    channel: MemoryChannel | None = None
    link: LinkSession | None = None
    next_jid: int = 1
    specs: dict[int, DefineSpec] = field(default_factory=dict)
    watched: dict[int, bool] = field(default_factory=dict)
    thread: LoopThread | None = None
    environments: dict[str, tuple[str, str]] = field(default_factory=dict)  # digest and Python
    pythons: list[str] = field(default_factory=list)
    client: Client | None = None

    def session(self, has_own_master: bool = True) -> Session:
        """Make a session with this master, not opened yet."""
        return Session(self.open, has_own_master=has_own_master)

    async def open(self, thread: LoopThread, client: Client) -> Callable[[], Awaitable[None]]:
        """Connect a client: what a session's opener does."""
        self.thread = thread
        self.client = client
        ours, theirs = self.channel_class.pair(thread.loop)
        self.channel = ours
        now = thread.loop.time()
        self.link = LinkSession(Link(PeerRole.MASTER, "fake", now), theirs, self.on_event)
        link = LinkSession(Link(PeerRole.CLIENT, "test", now), ours, client.on_link_event)
        client.attach(link)
        if self.pythons:
            self.say(PythonsOffered(self.pythons))
        self.reserve()

        async def close() -> None:
            link.close()
            await link.wait_closed()

        return close

    # ------------------------------------------------------------------ for tests, any thread

    def release(self) -> None:
        """Run the held jobs."""
        assert self.thread is not None
        self.thread.post(self._run_held)

    def lose(self) -> None:
        """Break the connection, as a network would."""
        assert self.thread is not None
        assert self.link is not None
        self.thread.post(self.link._channel.close)

    def told(self, kind: type) -> list[Any]:
        """What it was told of one kind."""
        return [message for message in self.received if type(message) is kind]

    # ------------------------------------------------------------------ on the loop

    def on_event(self, event: LinkEvent) -> None:
        """Take what the client said."""
        if isinstance(event, MessagesReceived):
            for message in event.messages:
                self.received.append(message)
                self.on_message(message)

    def on_message(self, message: Any) -> None:
        """Do what the client said."""
        match message:
            case DefineSpec():
                self.specs[message.number] = message
            case OfferTree():
                assert self.link is not None
                self.link.send(FilesWanted(message.digest, []))  # it runs jobs in this process
            case OfferBlobs() if self.refusal:
                self.say(BlobsRefused(message.keys, self.refusal))
            case OfferBlobs():
                self.say(BlobsKept(message.keys))  # it finds them where the client does
            case ReadBlob():
                self.say(BlobMissing(message.key))
            case WithdrawBlobs():
                pass
            case ForgetSpec():
                del self.specs[message.number]
            case messages.SubmitJobs():
                for place, payload in enumerate(message.payloads):
                    if message.watched:
                        self.watched[message.first + place] = True
                    self.submit(message.first + place, self.specs[message.spec], payload)
            case messages.ReserveJids():
                self.reserve()
            case messages.WatchJobs():
                self.watch(message)
            case _ if not self.is_mute:
                self.say(self.answer(message))

    def reserve(self) -> None:
        """Grant a block of ids; blocks do not touch."""
        origin = id(self).to_bytes(8, "little")
        self.say(messages.JidsReserved(JobId(self.next_jid), self.ids, origin=origin))
        self.next_jid += self.ids + 1

    def say(self, message: object) -> None:
        """Tell the client."""
        assert self.link is not None
        if self.link._link.state.value != "open":
            # Before the greetings are over nothing can be sent; a later turn can.
            assert self.thread is not None
            self.thread.loop.call_soon(self.say, message)
        else:
            self.link.send(message)

    def submit(self, jid: int, spec: DefineSpec, payload: bytes) -> None:
        """Take a job, and run it unless it is to be held."""
        assert jid not in self.jobs, "an id was used twice"
        self.jobs[jid] = job = FakeJob(spec.spec, spec.code, payload)
        if (spec.spec.label != "held" or not self.is_holding) and not self.is_mute:
            self.finish(jid, self.run(job.code, payload))

    def watch(self, message: messages.WatchJobs) -> None:
        """Tell the outcomes now, or when they come."""
        done = messages.JobsDone([], [])
        for jid in message.jids:
            job = self.jobs.get(jid)
            if job is None:
                self.say(messages.JobsUnknown([jid]))
            elif isinstance(job.outcome, bytes):
                done.jids.append(jid)
                done.results.append(job.outcome if message.results else None)
            elif job.outcome is not None:
                self.say(job.outcome)
            else:
                self.watched[jid] = message.results or self.watched.get(jid, False)
        if done.jids:
            self.say(done)

    def finish(self, jid: int, outcome: bytes | Failure, status: JobStatus | None = None) -> None:
        """Give a job its outcome."""
        if isinstance(outcome, Failure):
            failed = messages.JobFailed(JobId(jid), status or JobStatus.ERROR, outcome)
            self.jobs[jid].outcome = failed
        else:
            self.jobs[jid].outcome = outcome
        if jid in self.watched:
            results = self.watched.pop(jid)
            self.watch(messages.WatchJobs([JobId(jid)], results))

    def answer(self, question: Any) -> messages.Answer:
        """Answer a question about jobs, or refuse."""
        number = question.request
        if isinstance(question, AskEnvironment):
            return self.environment(number, question.name)
        jids = getattr(question, "jids", None) or [getattr(question, "jid", None)]
        if isinstance(question, messages.KillAllJobs):
            jids = list(self.jobs)
        for jid in jids:
            if jid not in self.jobs:
                return messages.Refused(number, True, jid, "unknown")
        match question:
            case messages.AskStatus():
                return messages.StatusesRead(number, [self.jobs[jid].status for jid in jids])
            case messages.AskInfo():
                return messages.InfosRead(number, [self.info(jid) for jid in jids])
            case messages.AskWhy():
                return messages.ReasonRead(number, f"job {jids[0]} is held")
            case messages.DeleteJobs():
                return self.delete(number, jids)
            case messages.KillJobs() | messages.KillAllJobs():
                for jid in jids:
                    if self.jobs[jid].outcome is None:
                        failure = Failure(FailureKind.KILLED, "the job was killed")
                        self.finish(jid, failure, JobStatus.KILLED)
                return messages.Accepted(number)
        raise AssertionError(question)

    def environment(self, number: Any, name: str) -> messages.Answer:
        """Say what a name means."""
        if name not in self.environments:
            return messages.Refused(number, False, JobId(0), f"there is no {name!r}")
        return EnvironmentRead(number, *self.environments[name], "")

    def delete(self, number: Any, jids: list[int]) -> messages.Answer:
        """Forget finished jobs."""
        for jid in jids:
            if self.jobs[jid].outcome is None:
                return messages.Refused(number, False, JobId(jid), f"job {jid} is not finished")
        for jid in jids:
            del self.jobs[jid]
        return messages.Accepted(number)

    def info(self, jid: int) -> dict[str, messages.Scalar | bytes]:
        """A few fields, dotted ones among them."""
        job = self.jobs[jid]
        fields = {"status": job.status, "label": job.spec.label, "memory.max_usage": 7}
        return {**fields, "stdout": "", "arguments": job.payload}

    def _run_held(self) -> None:
        self.is_holding = False
        for jid, job in list(self.jobs.items()):
            if job.outcome is None:
                self.finish(jid, self.run(job.code, job.payload))

    def run(self, code: bytes, payload: bytes) -> bytes | Failure:
        """Do what an interpreter does with one call."""
        try:
            args, kwargs = values.loads(payload, self._open_blob)
            result = values.loads(code, self._open_blob)(*args, **kwargs)
            return values.dumps(result, values.Notes(self._keep_blob))
        except Exception as error:  # noqa: BLE001 - code of the test, which may raise anything
            return describing.describe(error)

    def _open_blob(self, key: bytes) -> memoryview | None:
        assert self.client is not None
        return self.client.exchange.store().open(key)

    def _keep_blob(self, data: bytes | memoryview) -> bytes:
        assert self.client is not None
        return self.client.exchange.store().put(data).key
