"""A master's kernel and a worker's agent in a test's hand: short words for long arrangements.

`Master` and `Node` take one event per call, as one turn at a time that the test chooses, and keep
what was said to whom. The registry is checked from scratch after every turn.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from picloud.protocol import client_messages as ask
from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import Fence, JobId, RequestId, SessionId, SpecNumber, WorkerId
from picloud.protocol.jobs import Handles, JobSpec, SlotPool
from picloud.protocol.wire import WIRE
from picloud_master.core import events as master_events
from picloud_master.core import invariants
from picloud_master.core.effects import SendToClient, SendToWorker
from picloud_master.core.job.actor import JobActor, SpecRecord, Submission
from picloud_master.core.kernel import Kernel, Turn
from picloud_master.core.policy import Policy
from picloud_worker.core import effects
from picloud_worker.core import events as agent_events
from picloud_worker.core.agent import Agent
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.specs import KnownSpec
from picloud_worker.pipe import messages as pipe

T = TypeVar("T")

RAISED = Failure(FailureKind.EXCEPTION, "the job raised", "builtins.ValueError")


def a_spec(**options: Any) -> JobSpec:  # Any: the options of a JobSpec
    """What a job is asked to be, where nothing matters but these options."""
    return JobSpec(**{"name": "module.function", "python": "3.11", **options})


def a_job(jid: int = 1, owner: str = "ann", created: float = 0.0, **options: Any) -> JobActor:
    """A queued job, outside of any registry."""
    record = SpecRecord(SpecNumber(1), a_spec(**options), b"code")
    return JobActor(JobId(jid), Submission(owner, SessionId(1), record, created), b"arguments")


def an_attempt(sequence: int = 1, payload: bytes = b"", **options: Any) -> Attempt:
    """A waiting attempt of a spec of its own, outside of any agent."""
    spec = KnownSpec(DefineSpec(SpecNumber(sequence), a_spec(**options), b"code", "ann"))
    return Attempt(sequence, JobId(sequence), Fence(1), spec, payload)


# ------------------------------------------------------------------ the master


class Master:
    """A kernel, its clock and everything that it has said."""

    def __init__(self, policy: Policy | None = None, key: bytes = b"master key") -> None:
        self.kernel = Kernel(policy, key)
        self.registry = self.kernel.registry
        self.now = 100.0
        self.turn = Turn([], [])
        self.said: dict[object, list[Any]] = {}
        self._peers = 0

    def hears(self, *events: master_events.Event) -> Turn:
        """One turn."""
        self.turn = self.kernel.handle(self.now, *events)
        invariants.check(self.registry)
        for effect in self.turn.effects:
            if isinstance(effect, SendToClient):
                self.said.setdefault(("client", effect.session), []).append(effect.message)
            elif isinstance(effect, SendToWorker):
                self.said.setdefault(("worker", effect.worker), []).append(effect.message)
        return self.turn

    def client(self, owner: str = "ann") -> "TestClient":
        """Connect a client."""
        self._peers += 1
        client = TestClient(self, SessionId(self._peers), owner)
        self.hears(master_events.SessionOpened(client.id, owner))
        client.block = client.heard(ask.JidsReserved)[-1].first
        return client

    def worker(
        self, cores: int = 1, *core_types: str, window: int = 1, python: str = "3.11"
    ) -> "TestWorker":
        """Connect a worker with one pool."""
        return self.worker_with([SlotPool(list(core_types or ("c1",)), cores)], window, python)

    def worker_with(
        self, pools: list[SlotPool], window: int = 1, python: str = "3.11"
    ) -> "TestWorker":
        """Connect a worker."""
        self._peers += 1
        worker = TestWorker(self, WorkerId(self._peers))
        registration = report.RegisterWorker("node", python, pools)
        events: list[master_events.Event] = [master_events.WorkerJoined(worker.id, registration)]
        if window > 1:
            events.append(master_events.WorkerSaid(worker.id, [report.SetWindow(window)]))
        self.hears(*events)
        return worker

    def job(self, jid: JobId) -> JobActor:
        """The job of this id."""
        return self.registry.jobs[jid]

    def statuses(self, jids: Iterable[JobId]) -> list[str]:
        """PiCloud's words for these jobs."""
        return [self.job(jid).status.value for jid in jids]


class TestClient:
    """A client of a `Master`."""

    __test__ = False

    def __init__(self, master: Master, session: SessionId, owner: str) -> None:
        self.id = session
        self.owner = owner
        self.block = JobId(0)
        self._master = master
        self._specs = 0
        self._jids = 0

    def says(self, *messages: object) -> Turn:
        """Speak, as one turn."""
        return self._master.hears(self.event(*messages))

    def event(self, *messages: object) -> master_events.Event:
        """What it says, to be heard with something else."""
        return master_events.ClientSaid(self.id, list(messages))

    def submits(
        self,
        count: int = 1,
        payload: bytes = b"",
        watched: bool = False,
        handles: Handles | None = None,
        **options: Any,
    ) -> list[JobId]:
        """Submit jobs of a new spec, whose function names jobs."""
        self._specs += 1
        first = JobId(self.block + self._jids)
        self._jids += count
        number = SpecNumber(self._specs)
        define = DefineSpec(number, a_spec(**options), b"code", handles=handles)
        self.says(define, ask.SubmitJobs(number, first, [payload] * count, watched))
        return [JobId(first + place) for place in range(count)]

    def submits_each(self, *handles: Handles, depends_on: Handles | None = None) -> list[JobId]:
        """Submit a job for each list of handles, which its arguments name."""
        self._specs += 1
        first = JobId(self.block + self._jids)
        self._jids += len(handles)
        number = SpecNumber(self._specs)
        payloads = [b""] * len(handles)
        submit = ask.SubmitJobs(number, first, payloads, False, depends_on, False, list(handles))
        self.says(DefineSpec(number, a_spec(), b"code"), submit)
        return [JobId(first + place) for place in range(len(handles))]

    def watches(self, jids: Sequence[JobId], results: bool = True) -> Turn:
        """Ask for outcomes."""
        return self.says(ask.WatchJobs(list(jids), results))

    def kills(self, *jids: JobId) -> Turn:
        """Ask for the end of jobs."""
        return self.says(ask.KillJobs(RequestId(1), list(jids)))

    def deletes(self, *jids: JobId) -> Turn:
        """Ask for jobs to be forgotten."""
        return self.says(ask.DeleteJobs(RequestId(2), list(jids)))

    def heard(self, kind: type[T]) -> list[T]:
        """All that it was told, of one kind."""
        said = self._master.said.get(("client", self.id), [])
        return [message for message in said if isinstance(message, kind)]


class TestJob(TestClient):
    """A running job of a `Master`, which uses the cloud as a client does."""

    __test__ = False

    def __init__(self, master: Master, worker: "TestWorker", jid: JobId) -> None:
        super().__init__(master, SessionId(0), master.job(jid).submission.owner)
        self.jid = jid
        self.secret = b""
        self._worker = worker
        self._fence = worker.fence(jid)

    def reserves(self) -> "TestJob":
        """Ask for ids, with its first words; what it says next may submit jobs."""
        self.says(ask.ReserveJids())
        reserved = self.heard(ask.JidsReserved)[-1]
        self.block, self.secret = reserved.first, reserved.secret
        return self

    def event(self, *messages: object) -> master_events.Event:
        """What it says, to be heard with something else."""
        return self._worker.event(self.said(WIRE.encode(messages)))

    def is_of(self, fence: Fence) -> bool:
        """Whether it is the attempt of this lease."""
        return self._fence == fence

    def said(self, frame: bytes) -> report.JobSaid:
        """Its bytes, as its worker passes them on."""
        return report.JobSaid(self.jid, self._fence, frame)

    def heard(self, kind: type[T]) -> list[T]:
        """All that it was told, of one kind."""
        letters = [one for one in self._worker.heard(report.TellJob) if one.jid == self.jid]
        said = [message for letter in letters for message in WIRE.decode(letter.frame)]
        return [message for message in said if isinstance(message, kind)]


class TestWorker:
    """A worker of a `Master`."""

    __test__ = False

    def __init__(self, master: Master, worker: WorkerId) -> None:
        self.id = worker
        self._master = master

    def says(self, *messages: object) -> Turn:
        """Speak, as one turn."""
        return self._master.hears(self.event(*messages))

    def event(self, *messages: object) -> master_events.WorkerSaid:
        """What it says, to be heard with something else."""
        return master_events.WorkerSaid(self.id, list(messages))

    def heard(self, kind: type[T]) -> list[T]:
        """All that it was told, of one kind."""
        said = self._master.said.get(("worker", self.id), [])
        return [message for message in said if isinstance(message, kind)]

    def fence(self, jid: JobId) -> Fence:
        """The fence of the job's last lease here."""
        return [run.fence for run in self.heard(report.RunJobs) if jid in run.jids][-1]

    def jids(self) -> list[JobId]:
        """All jobs that it was given, in order."""
        return [jid for run in self.heard(report.RunJobs) for jid in run.jids]

    def done(self, *jids: JobId, result: bytes = b"result") -> report.AttemptsDone:
        """A report that these attempts returned."""
        fences = [self.fence(jid) for jid in jids]
        return report.AttemptsDone(list(jids), fences, [result] * len(jids), [0.5] * len(jids))

    def done_with(self, jid: JobId, handles: Handles) -> report.AttemptsDone:
        """A report that this attempt returned a value that names jobs."""
        return report.AttemptsDone([jid], [self.fence(jid)], [b"result"], [0.5], [handles])

    def job(self, jid: JobId) -> TestJob:
        """This attempt uses the cloud, and has asked for ids."""
        return TestJob(self._master, self, jid).reserves()

    def failed(self, jid: JobId, failure: Failure = RAISED) -> report.AttemptFailed:
        """A report that this attempt ended otherwise."""
        return report.AttemptFailed(jid, self.fence(jid), failure, 0.5)

    def started(self, *jids: JobId) -> report.AttemptsStarted:
        """A report that these attempts run."""
        return report.AttemptsStarted(list(jids), [self.fence(jid) for jid in jids])

    def returned(self, *jids: JobId) -> report.AttemptsReturned:
        """A report that these attempts never started."""
        return report.AttemptsReturned(list(jids), [self.fence(jid) for jid in jids])

    def lost(self) -> master_events.WorkerLost:
        """Its link is over."""
        return master_events.WorkerLost(self.id, "the link broke")


# ------------------------------------------------------------------ the worker


class Node:
    """An agent, its clock and everything that it has asked for."""

    def __init__(
        self,
        cores: int = 1,
        pools: list[SlotPool] | None = None,
        *,
        shares_store: bool = False,
    ) -> None:
        self.agent = Agent(pools or [SlotPool(["c1"], cores)], shares_store=shares_store)
        self.crew = self.agent.crew
        self.now = 100.0
        self.effects: list[effects.Effect] = []
        self.sequences: dict[int, int] = {}  # by job, of its last attempt
        self._specs: list[JobSpec] = []

    def hears(self, *events: agent_events.Event) -> list[effects.Effect]:
        """One turn; returns what it asks for."""
        turn = self.agent.handle(self.now, *events)
        self.effects += turn
        for attempt in self.crew.attempts.values():
            self.sequences[attempt.jid] = attempt.sequence
        return turn

    def master(self, *messages: Any) -> list[effects.Effect]:
        """The master speaks."""
        return self.hears(agent_events.MasterSaid(list(messages)))

    def runs(self, *jids: int, payload: bytes = b"", **options: Any) -> list[effects.Effect]:
        """The master grants jobs, with fence 1."""
        spec = a_spec(**options)
        messages: list[Any] = []
        if spec not in self._specs:
            self._specs.append(spec)
            messages.append(DefineSpec(SpecNumber(len(self._specs)), spec, b"code", "ann"))
        number = SpecNumber(self._specs.index(spec) + 1)
        ids = [JobId(jid) for jid in jids]
        messages.append(report.RunJobs(number, Fence(1), ids, [payload] * len(ids)))
        return self.master(*messages)

    def stops(self, *jids: int) -> list[effects.Effect]:
        """The master wants attempts to end."""
        ids = [JobId(jid) for jid in jids]
        return self.master(report.StopAttempts(ids, [Fence(1)] * len(ids)))

    def says(self, interpreter: int, *messages: object) -> list[effects.Effect]:
        """An interpreter speaks."""
        return self.hears(agent_events.InterpreterSaid(interpreter, list(messages)))

    def returns(self, interpreter: int, *jids: int, runtime: float = 0.001) -> list[effects.Effect]:
        """An interpreter reports results."""
        sequences = [self.sequences[jid] for jid in jids]
        count = len(jids)
        return self.says(interpreter, pipe.Returned(sequences, [b"r"] * count, [runtime] * count))

    def gives_back(self, interpreter: int, *jids: int) -> list[effects.Effect]:
        """An interpreter gives attempts back."""
        return self.says(interpreter, pipe.GaveBack([self.sequences[jid] for jid in jids]))

    def dies(
        self, interpreter: int, running: int = 0, exit_: agent_events.Exit | None = None
    ) -> list[effects.Effect]:
        """An interpreter ends while it runs a job; 0 for none."""
        sequence = self.sequences[running] if running else 0
        exit_ = exit_ or agent_events.Exit(None, 11)
        output = agent_events.Output()
        return self.hears(agent_events.InterpreterExited(interpreter, exit_, sequence, output))

    def ticks(self, **running: int) -> list[effects.Effect]:
        """Time has passed; `i1=5` says that interpreter 1 runs job 5."""
        cells = {int(name[1:]): self.sequences.get(jid, 0) for name, jid in running.items()}
        return self.hears(agent_events.Ticked(cells))

    def learns(self, runtime: float, jid: int = 999, **options: Any) -> None:
        """One job of a spec runs so long, on a first interpreter."""
        self.runs(jid, **options)
        self.returns(1, jid, runtime=runtime)

    def given(self, interpreter: int) -> list[JobId]:
        """Jobs that an interpreter has now, in order."""
        return [one.jid for one in self.crew.interpreters[interpreter].outstanding.values()]


def told(turn: Iterable[effects.Effect], kind: type[T]) -> list[T]:
    """What a turn tells the master, of one kind."""
    messages = [one.message for one in turn if isinstance(one, effects.SendToMaster)]
    return [message for message in messages if isinstance(message, kind)]


def sent(turn: Iterable[effects.Effect], kind: type[T]) -> list[T]:
    """What a turn tells interpreters, of one kind."""
    messages = [one.message for one in turn if isinstance(one, effects.SendToInterpreter)]
    return [message for message in messages if isinstance(message, kind)]


def asked(turn: Iterable[effects.Effect], kind: type[T]) -> list[T]:
    """The effects of one kind."""
    return [one for one in turn if isinstance(one, kind)]
