"""A whole cloud on virtual time: the real kernel, real agents, simulated links and interpreters.

After every turn of the master the registry is checked from scratch, and the promises that no
single turn can show are checked against what was seen before: see `Observer`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from picloud.protocol.client_messages import KillJobs, SubmitJobs, WatchJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, RequestId, SessionId, SpecNumber, WorkerId
from picloud.protocol.jobs import JobSpec, SlotPool
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import RegisterWorker
from picloud_master.core import events as master_events
from picloud_master.core.effects import (
    DismissClient,
    DismissWorker,
    SendToClient,
    SendToWorker,
    SetAlarm,
)
from picloud_master.core.events import ClientSaid, SessionClosed, SessionOpened, WorkerJoined
from picloud_master.core.kernel import Kernel
from picloud_worker.core import effects as agent_effects
from picloud_worker.core import settings
from picloud_worker.core.agent import Agent
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import (
    Event,
    Exit,
    InterpreterExited,
    MasterSaid,
    Output,
    OutputFetched,
    Ticked,
)
from tests.support.interpreter import PIPE_DELAY, Behaviour, SimulatedInterpreter
from tests.support.observer import Observer
from tests.support.timeline import SimulatedLink, Timeline

MASTER_TURN = 0.000_2
"""How long a master that is not overloaded is busy with a turn."""

LONGEST_TICK = 60.0
"""While nothing but time passes at a worker, its ticks are thinned out, up to this."""


class SimulatedWorker:
    """A worker process: a real agent, its interpreters, and its end of the link."""

    def __init__(self, fleet: "Fleet", worker: WorkerId, pools: list[SlotPool], delay: float):
        self.id = worker
        self.pools = pools
        self.delay = delay
        self.is_dead = False
        self.starts_fail = False
        self.agent = Agent(pools)
        self.interpreters: dict[int, SimulatedInterpreter] = {}
        self._fleet = fleet
        self._timeline = fleet.timeline
        self.up = SimulatedLink(fleet.timeline, WIRE, delay, self._said)
        self.down = SimulatedLink(fleet.timeline, WIRE, delay, self._heard)
        self._inbox: list[Event] = []
        self._tick = 0  # number of the tick that is awaited
        self._interval = settings.TICK

    def die(self) -> None:
        """The process ends, and with it all interpreters."""
        self.is_dead = self.up.is_dead = self.down.is_dead = True
        for interpreter in self.interpreters.values():
            interpreter.die(Exit(None, 9))

    def running(self) -> list[Attempt]:
        """Attempts that run at this moment."""
        return [one.running for one in self.interpreters.values() if one.running]

    # ------------------------------------------------------------------ turns

    def post(self, event: Event) -> None:
        """Hand over an event; what comes at one instant is one turn."""
        if not self._inbox:
            self._timeline.after(0.0, self._turn)
        self._inbox.append(event)

    def _turn(self) -> None:
        events, self._inbox = self._inbox, []
        if self.is_dead:
            return
        up: list[object] = []
        pipes: dict[int, list[object]] = {}
        for effect in self.agent.handle(self._timeline.now, *events):
            match effect:
                case agent_effects.SendToMaster(message):
                    up.append(message)
                case agent_effects.SendToInterpreter(interpreter, message):
                    pipes.setdefault(interpreter, []).append(message)
                case _:
                    self._perform(effect)
        if up:
            self.up.send(up)
        for number, messages in pipes.items():
            self._give(number, messages)
        quiet = all(type(event) is Ticked for event in events)
        self._interval = min(self._interval * 1.5, LONGEST_TICK) if quiet else settings.TICK
        self._tick += 1
        if self.agent.busy_interpreters():
            tick = self._tick
            self._timeline.after(self._interval, lambda: self._ticked(tick))

    def _ticked(self, tick: int) -> None:
        if tick == self._tick:
            self.post(Ticked({n: self._cell(n) for n in self.agent.busy_interpreters()}))

    def _perform(self, effect: agent_effects.Effect) -> None:
        match effect:
            case agent_effects.StartInterpreter(number):
                self._start(number)
            case agent_effects.RecallInterpreter(number) if number in self.interpreters:
                self.interpreters[number].recall()
            case agent_effects.RevokeInterpreter(number) if number in self.interpreters:
                self.interpreters[number].revoke()
            case agent_effects.KillInterpreter(number) if number in self.interpreters:
                self.interpreters[number].kill()
            case agent_effects.FetchOutput(number, sequence):
                runs = self._cell(number) == sequence
                output = Output(stdout="so far") if runs else Output()
                self.post(OutputFetched(number, sequence, output))

    # ------------------------------------------------------------------ interpreters

    def _start(self, number: int) -> None:
        if self.starts_fail:
            exited = InterpreterExited(number, Exit(None, text="no memory"), 0, Output())
            self._timeline.after(PIPE_DELAY, lambda: self.post(exited))
            return
        pool = self.agent.crew.interpreters[number].pool
        self.interpreters[number] = SimulatedInterpreter(
            self._timeline, number, pool, self._interpreter_event, self._started
        )

    def _interpreter_event(self, event: Any) -> None:
        if isinstance(event, InterpreterExited):
            del self.interpreters[event.interpreter]
        if not self.is_dead:
            self.post(event)

    def _give(self, number: int, messages: list[object]) -> None:
        interpreter = self.interpreters.get(number)
        if interpreter is not None:
            interpreter.given.update(self.agent.crew.interpreters[number].outstanding)
            interpreter.pipe.send(messages)

    def _cell(self, number: int) -> int:
        interpreter = self.interpreters.get(number)
        return interpreter.running.sequence if interpreter and interpreter.running else 0

    def _started(self, attempt: Attempt) -> None:
        used = [0] * len(self.pools)
        for interpreter in self.interpreters.values():
            if interpreter.running is not None:
                used[interpreter.pool] += interpreter.running.spec.spec.cores
        twins = [one for one in self.running() if one.jid == attempt.jid]
        assert len(twins) == 1, f"{attempt!r} runs twice at once"
        offered = [pool.cores for pool in self.pools]
        assert all(map(int.__le__, used, offered)), f"slots are oversubscribed: {used} of {offered}"
        self._fleet.observer.attempt_started(self.id, attempt)

    # ------------------------------------------------------------------ the link

    def _said(self, messages: list[Any]) -> None:
        self._fleet.post(master_events.WorkerSaid(self.id, messages))

    def _heard(self, messages: list[Any]) -> None:
        self.post(MasterSaid(messages))


class SimulatedClient:
    """A program: it defines specs, submits jobs, and watches all that it submits."""

    def __init__(self, fleet: "Fleet", session: SessionId, owner: str):
        self.session = session
        self.owner = owner
        self.heard: list[Any] = []
        self.watched: Counter[JobId] = Counter()
        self.told: Counter[JobId] = Counter()
        self._fleet = fleet
        self._specs: list[JobSpec] = []
        self._next_jid = 0
        self.requests = 0

    def say(self, *messages: object) -> None:
        """Speak to the master."""
        frame = WIRE.decode(WIRE.encode(messages))
        self._fleet.post(ClientSaid(self.session, frame))

    def hear(self, message: Any) -> None:
        """Remember what the master says."""
        self.heard.append(message)
        for jid in self._fleet.observer.client_heard(message):
            self.told[jid] += 1
            assert self.told[jid] <= self.watched[jid], (
                f"client {self.session} heard of {jid} twice"
            )

    def submit(self, spec: JobSpec, behaviours: Iterable[Behaviour]) -> list[JobId]:
        """Submit one job for each behaviour, and watch them."""
        if spec not in self._specs:
            self._specs.append(spec)
            self.say(DefineSpec(SpecNumber(len(self._specs)), spec, b"code"))
        number = SpecNumber(self._specs.index(spec) + 1)
        payloads = [behaviour.payload() for behaviour in behaviours]
        block = (int(self.session) - 1) << 20  # blocks are reserved in the order of sessions
        first = block + 1 + self._next_jid
        self._next_jid += len(payloads)
        jids = [JobId(first + place) for place in range(len(payloads))]
        self.say(SubmitJobs(number, JobId(first), payloads))
        self.watch(jids)
        return jids

    def watch(self, jids: list[JobId]) -> None:
        """Ask for the outcomes of jobs."""
        self.watched.update(jids)
        self.say(WatchJobs(jids, True))

    def kill(self, jids: list[JobId]) -> None:
        """Ask for the end of jobs."""
        self.say(KillJobs(self.request(), jids))

    def request(self) -> RequestId:
        """A fresh number of a question."""
        self.requests += 1
        return RequestId(self.requests)


class Fleet:
    """The cloud: its master here, its clients and workers by number.

    Args:
        thorough: check everything after each turn of the master.
        master_turn: what reaches the master within so many seconds is one turn.
    """

    def __init__(self, *, thorough: bool = True, master_turn: float = MASTER_TURN) -> None:
        self.master_turn = master_turn
        self.timeline = Timeline()
        self.kernel = Kernel()
        self.observer = Observer(self.kernel.registry, self.timeline, thorough=thorough)
        self.clients: dict[SessionId, SimulatedClient] = {}
        self.workers: dict[WorkerId, SimulatedWorker] = {}
        self._inbox: list[master_events.Event] = []
        self._sessions = 0
        self._registrations = 0

    # ------------------------------------------------------------------ who is there

    def open_session(self, owner: str = "ann") -> SimulatedClient:
        """Connect a client."""
        self._sessions += 1
        client = SimulatedClient(self, SessionId(self._sessions), owner)
        self.clients[client.session] = client
        self.post(SessionOpened(client.session, owner))
        return client

    def close_session(self, client: SimulatedClient) -> None:
        """A client leaves; its jobs stay."""
        del self.clients[client.session]
        self.post(SessionClosed(client.session))

    def add_worker(
        self, cores: int = 1, core_types: Iterable[str] = ("c1",), delay: float = 0.001
    ) -> SimulatedWorker:
        """Connect a worker with one pool."""
        self._registrations += 1
        pools = [SlotPool(list(core_types), cores)]
        worker = SimulatedWorker(self, WorkerId(self._registrations), pools, delay)
        self.workers[worker.id] = worker
        self.post(WorkerJoined(worker.id, RegisterWorker("node", "3.11", pools)))
        return worker

    def cut(self, worker: SimulatedWorker, *, master_after: float, worker_after: float) -> None:
        """The link dies; both ends notice, each after a while. A worker then ends all it has."""
        worker.up.is_dead = worker.down.is_dead = True
        self.workers.pop(worker.id, None)
        lost = master_events.WorkerLost(worker.id, "the link is over")
        self.timeline.after(master_after, lambda: self.post(lost))
        self.timeline.after(worker_after, worker.die)

    # ------------------------------------------------------------------ the master

    def post(self, event: master_events.Event) -> None:
        """Hand an event to the master; what comes within a short time is one turn."""
        if not self._inbox:
            self.timeline.after(self.master_turn, self._turn)
        self._inbox.append(event)

    def _turn(self) -> None:
        events, self._inbox = self._inbox, []
        self.observer.turn_begins(events)
        turn = self.kernel.handle(self.timeline.now, *events)
        self.observer.turn_ended(events, turn)
        frames: dict[WorkerId, list[object]] = {}
        for effect in turn.effects:
            match effect:
                case SendToWorker(worker, message):
                    frames.setdefault(worker, []).append(message)
                case SendToClient(session, message):
                    if session in self.clients:
                        self.clients[session].hear(message)
                case SetAlarm(at):
                    self.timeline.at(at, lambda: self.post(master_events.AlarmRang()))
                case DismissClient() | DismissWorker():
                    raise AssertionError(f"nobody misbehaves here: {effect!r}")
        for number, messages in frames.items():
            if number in self.workers:
                self.workers[number].down.send(messages)

    # ------------------------------------------------------------------ time

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.timeline.run_until(self.timeline.now + seconds)

    def run_until_over(self, limit: float) -> bool:
        """Let time pass until no job is unfinished; False if some are after `limit` seconds."""
        return self.timeline.run_while(self._is_at_work, limit)

    def _is_at_work(self) -> bool:
        return bool(self._inbox) or any(
            not job.status.is_final for job in self.kernel.registry.jobs.values()
        )
