"""A whole cloud in virtual time: the real kernel, and workers that run real agents."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.protocol.worker_messages import RegisterWorker
from picloud.testing.simulated_worker import SimulatedWorker
from picloud.testing.timeline import Timeline
from picloud_master.core import effects, events
from picloud_master.core.kernel import Kernel, Turn
from picloud_worker.core.settings import MAX_SLEEPERS

MASTER_TURN = 0.000_2
"""How long a master that is not overloaded is busy with a turn."""

W = TypeVar("W", bound=SimulatedWorker)


class SimulatedCloud(ABC, Generic[W]):
    """A master, and its workers by number.

    Args:
        key: the master's, which makes capabilities.
        master_turn: what reaches the master within so many seconds is one turn.

    Attributes:
        python: the minor version that its workers have.
    """

    python = "3.11"

    def __init__(self, key: bytes, master_turn: float = MASTER_TURN) -> None:
        self.master_turn = master_turn
        self.timeline = Timeline()
        self.kernel = Kernel(key=key)
        self.workers: dict[WorkerId, W] = {}
        self._inbox: list[events.Event] = []
        self._registrations = 0

    # ------------------------------------------------------------------ what differs

    @abstractmethod
    def make_worker(
        self, worker: WorkerId, pools: list[SlotPool], delay: float, max_sleepers: int
    ) -> W:
        """Start a worker process."""

    @abstractmethod
    def tell_client(self, session: SessionId, message: Any) -> None:
        """The master says something to a client."""

    def turn_begins(self, heard: Sequence[events.Event]) -> None:
        """The master is about to hear this."""

    def turn_ended(self, heard: Sequence[events.Event], turn: Turn) -> None:
        """This is what it has made of it."""

    # ------------------------------------------------------------------ workers

    def add_worker(
        self,
        cores: int = 1,
        core_types: Iterable[str] = ("c1",),
        delay: float = 0.001,
        max_sleepers: int = MAX_SLEEPERS,
    ) -> W:
        """Connect a worker with one pool."""
        self._registrations += 1
        pools = [SlotPool(list(core_types), cores)]
        worker = self.make_worker(WorkerId(self._registrations), pools, delay, max_sleepers)
        self.workers[worker.id] = worker
        self.post(events.WorkerJoined(worker.id, RegisterWorker("node", self.python, pools)))
        return worker

    def cut(self, worker: W, *, master_after: float, worker_after: float) -> None:
        """The link dies; both ends notice, each after a while. A worker then ends all it has."""
        worker.up.is_dead = worker.down.is_dead = True
        self.workers.pop(worker.id, None)
        lost = events.WorkerLost(worker.id, "the link is over")
        self.timeline.after(master_after, lambda: self.post(lost))
        self.timeline.after(worker_after, worker.die)

    def worker_said(self, worker: WorkerId, messages: list[Any]) -> None:
        """A frame of a worker has come."""
        self.post(events.WorkerSaid(worker, messages))

    # ------------------------------------------------------------------ the master

    def post(self, event: events.Event) -> None:
        """Hand an event to the master; what comes within a short time is one turn."""
        if not self._inbox:
            self.timeline.after(self.master_turn, self._turn)
        self._inbox.append(event)

    def _turn(self) -> None:
        heard, self._inbox = self._inbox, []
        self.turn_begins(heard)
        turn = self.kernel.handle(self.timeline.now, *heard)
        self.turn_ended(heard, turn)
        frames: dict[WorkerId, list[object]] = {}
        for effect in turn.effects:
            match effect:
                case effects.SendToWorker(worker, message):
                    frames.setdefault(worker, []).append(message)
                case effects.SendToClient(session, message):
                    self.tell_client(session, message)
                case effects.SetAlarm(at):
                    self.timeline.at(at, partial(self.post, events.AlarmRang()))
                case effects.DismissClient() | effects.DismissWorker():
                    raise AssertionError(f"nobody misbehaves here: {effect!r}")
                case _:
                    raise AssertionError(f"nothing here is large: {effect!r}")
        for number, messages in frames.items():
            if number in self.workers:
                self.workers[number].down.send(messages)
