"""A whole cloud on virtual time: the real kernel, real agents, simulated links and interpreters.

After every turn of the master the registry is checked from scratch, and the promises that no
single turn can show are checked against what was seen before: see `Observer`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.testing.simulated_cloud import MASTER_TURN, SimulatedCloud
from picloud.testing.simulated_worker import SimulatedWorker
from picloud_master.core.events import Event, SessionClosed, SessionOpened
from picloud_master.core.kernel import Turn
from picloud_worker.core.attempt.actor import Attempt
from tests.support.interpreter import ProgramInterpreter
from tests.support.observer import Observer
from tests.support.programs import World
from tests.support.simulated_client import SimulatedClient

KEY = b"master key"


class FleetWorker(SimulatedWorker):
    """A worker whose jobs are behaviours and programs, and watched."""

    def __init__(
        self,
        fleet: "Fleet",
        worker: WorkerId,
        pools: list[SlotPool],
        delay: float,
        max_sleepers: int,
    ) -> None:
        tell_master = partial(fleet.worker_said, worker)
        super().__init__(fleet.timeline, worker, pools, delay, max_sleepers, tell_master)
        self.delay = delay
        self._fleet = fleet

    def make_interpreter(self, number: int, pool: int) -> ProgramInterpreter:
        return ProgramInterpreter(self.timeline, number, pool, self, self._fleet.world)

    def attempt_started(self, attempt: Attempt) -> None:
        """No attempt runs twice at once, nor without cores."""
        super().attempt_started(attempt)
        self.cores_returned()
        twins = [one for one in self.running() if one.jid == attempt.jid]
        assert len(twins) == 1, f"{attempt!r} runs twice at once"
        self._fleet.observer.attempt_started(self.id, attempt)

    def cores_returned(self) -> None:
        """I13: what runs at this moment, and does not sleep, has cores."""
        used = [0] * len(self.pools)
        for interpreter in self.interpreters.values():
            if interpreter.running is not None and not interpreter.is_asleep:
                used[interpreter.pool] += interpreter.running.spec.spec.cores
        offered = [pool.cores for pool in self.pools]
        assert all(map(int.__le__, used, offered)), f"slots are oversubscribed: {used} of {offered}"


class Fleet(SimulatedCloud[FleetWorker]):
    """The cloud: its master here, its clients and workers by number.

    Args:
        thorough: check everything after each turn of the master.
        with_reasons: check also that every unfinished job can say why.
        master_turn: what reaches the master within so many seconds is one turn.
    """

    def __init__(
        self,
        *,
        thorough: bool = True,
        with_reasons: bool = False,
        master_turn: float = MASTER_TURN,
    ) -> None:
        super().__init__(KEY, master_turn)
        self.world = World()
        self.observer = Observer(self.kernel.registry, self.timeline, thorough=thorough)
        self.observer.with_reasons = with_reasons
        self.clients: dict[SessionId, SimulatedClient] = {}
        self._sessions = 0

    # ------------------------------------------------------------------ who is there

    def open_session(self, owner: str = "ann") -> SimulatedClient:
        """Connect a client, and let it be greeted."""
        self._sessions += 1
        client = SimulatedClient(self, SessionId(self._sessions), owner)
        self.clients[client.session] = client
        self.post(SessionOpened(client.session, owner))
        assert self.timeline.run_while(lambda: not client.has_ids, 1.0), "nobody greets"
        return client

    def close_session(self, client: SimulatedClient) -> None:
        """A client leaves; its jobs stay."""
        del self.clients[client.session]
        self.post(SessionClosed(client.session))

    def make_worker(
        self, worker: WorkerId, pools: list[SlotPool], delay: float, max_sleepers: int
    ) -> FleetWorker:
        return FleetWorker(self, worker, pools, delay, max_sleepers)

    def tell_client(self, session: SessionId, message: Any) -> None:
        if session in self.clients:
            self.clients[session].hear(message)

    def turn_begins(self, heard: Sequence[Event]) -> None:
        self.observer.turn_begins(heard)

    def turn_ended(self, heard: Sequence[Event], turn: Turn) -> None:
        self.observer.turn_ended(heard, turn)

    # ------------------------------------------------------------------ time

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.timeline.run_until(self.timeline.now + seconds)

    def run_until_over(self, limit: float) -> bool:
        """Let time pass until no job is unfinished; False if some are after `limit` seconds."""
        return self.timeline.run_while(self._is_at_work, limit)

    def _is_at_work(self) -> bool:
        finished = self.kernel.registry.finished
        over = finished.count + len(finished.news)  # that this is right is an invariant
        return bool(self._inbox) or len(self.kernel.registry.jobs) > over
