"""The cloud keeps its promises under loss, crashes and time, whatever happens in which order.

Hypothesis makes up what happens. A failure is shrunk and printed as the numbered story of what was
done to the cloud, and when.
"""

from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from picloud.protocol.client_messages import (
    AskInfo,
    AskStatus,
    AskWhy,
    DeleteJobs,
    KillAllJobs,
)
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobSpec
from picloud_master.core.job.states import Killing
from picloud_worker.core.events import Exit
from tests.support.fleet import Fleet, FleetWorker
from tests.support.interpreter import Behaviour
from tests.support.simulated_client import SimulatedClient

SECONDS = st.sampled_from([0.000_1, 0.001, 0.005, 0.03, 0.2, 3.0, 60.0, 3600.0])
ENDINGS = st.sampled_from(["returns"] * 6 + ["raises", "exits", "litters"])
BEHAVIOURS = st.builds(Behaviour, SECONDS, ENDINGS, st.sampled_from([False, False, True]))
BATCHES = st.one_of(
    st.lists(BEHAVIOURS, min_size=1, max_size=6),
    st.builds(lambda one, count: [one] * count, BEHAVIOURS, st.integers(1, 60)),
)
SPECS = st.builds(
    JobSpec,
    name=st.just("module.function"),
    python=st.just("3.11"),
    core_type=st.sampled_from(["c1", "c1", "m1"]),
    cores=st.sampled_from([1, 1, 1, 2, 4]),
    priority=st.sampled_from([5, 5, 1, 9]),
    restartable=st.sampled_from([True, True, False]),
    kill_process=st.sampled_from([False, False, True]),
    timeout=st.sampled_from([0.0, 0.0, 0.5]),
    retries=st.sampled_from([0, 0, 1, 3]),
    retry_delay=st.sampled_from([0.0, 0.0, 0.01, 100.0]),
)
OWNERS = st.sampled_from(["ann", "ann", "bob"])
DELAYS = st.sampled_from([0.0, 0.000_05, 0.01, 0.5])
PAUSES = st.sampled_from([0.0, 0.000_1, 0.002, 0.02, 0.04, 0.3, 5.0, 100.0])
SHORT_PAUSES = st.sampled_from([0.0, 0.003, 0.035, 0.045, 0.3])
PATIENCE = 1e6
"""Virtual seconds until every job must have ended once faults have stopped."""

KILL_LIMIT = 1.0


class SimulatedCloud(RuleBasedStateMachine):
    """A cloud, the story of what was done to it, and what must hold in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        self.story: list[str] = []
        self.jids: list[JobId] = []

    def tell(self, text: str) -> None:
        """Add a line to the story."""
        self.story.append(f"{len(self.story) + 1:3}. at {self.fleet.timeline.now:.6f}: {text}")
        note(self.story[-1])

    def client(self, draw: int) -> SimulatedClient:
        """One of the connected clients."""
        clients = list(self.fleet.clients.values())
        return clients[draw % len(clients)]

    def worker(self, draw: int) -> FleetWorker:
        """One of the connected workers."""
        workers = list(self.fleet.workers.values())
        return workers[draw % len(workers)]

    def some_jids(self, draw: int, count: int) -> list[JobId]:
        """Some of the jobs of all owners."""
        start = draw % len(self.jids)
        return self.jids[start : start + count]

    def has_workers(self) -> bool:
        """True while a worker is connected."""
        return bool(self.fleet.workers)

    def has_busy_workers(self) -> bool:
        """True while a worker that is connected runs something."""
        return any(worker.running() for worker in self.fleet.workers.values())

    def has_jobs(self) -> bool:
        """True once a job was submitted."""
        return bool(self.jids)

    # ------------------------------------------------------------------ what must hold

    def check_kills(self) -> None:
        """A second after a kill nothing of the job runs on a worker that can be reached."""
        now, jobs = self.fleet.timeline.now, self.fleet.kernel.registry.jobs
        for worker in self.fleet.workers.values():
            for attempt in worker.running():
                job: Any = jobs.get(attempt.jid)
                if job is not None and type(job.state) is Killing:
                    late = now - job.state.finished - 3 * worker.delay
                    assert late <= KILL_LIMIT, f"{attempt!r} runs {late} s after it was killed"

    def teardown(self) -> None:
        self.tell("faults stop; a worker with four cores of all types joins")
        for worker in self.fleet.workers.values():
            worker.starts_fail = False
        self.fleet.add_worker(4, ["c1", "m1"])
        over = self.fleet.run_until_over(PATIENCE)
        jobs = self.fleet.kernel.registry.jobs.values()
        assert over, f"never ended: {[(j, j.state) for j in jobs if not j.status.is_final]}"
        self.fleet.run(200.0)
        self.check_all_is_told()
        self.check_nothing_is_left()
        self.fleet.observer.check_journal()

    def check_all_is_told(self) -> None:
        """Every client that stayed has heard of all its jobs, and got all its answers."""
        for client in self.fleet.clients.values():
            silent = [jid for jid in client.jids if not client.told[jid]]
            assert not silent, f"client {client.session} never heard of {silent}"
            answers = sorted(one.request for one in client.heard if hasattr(one, "request"))
            asked = client.requests
            assert answers == list(range(1, asked + 1)), f"of {asked} questions: {answers}"

    def check_nothing_is_left(self) -> None:
        """When all clients have gone, no worker holds an attempt or a spec."""
        for client in list(self.fleet.clients.values()):
            self.fleet.close_session(client)
        self.fleet.run(10.0)
        assert not any(worker.leases for worker in self.fleet.kernel.registry.workers.values())
        for worker in self.fleet.workers.values():
            crew = worker.agent.crew
            assert not crew.attempts, f"worker {worker.id} holds {crew.attempts}"
            assert not crew.specs, f"worker {worker.id} knows specs {list(crew.specs)}"
            busy = [one for one in crew.interpreters.values() if one.outstanding]
            assert not busy, f"worker {worker.id} thinks that {busy} are busy"


class CloudMachine(SimulatedCloud):
    """What can happen to a cloud."""

    # ------------------------------------------------------------------ clients

    @initialize(owner=OWNERS, master_turn=st.sampled_from([0.0, 0.000_2, 0.01, 0.1]))
    def first_client(self, owner: str, master_turn: float) -> None:
        self.tell(f"the master takes {master_turn} s for a turn; {owner} connects")
        self.fleet.master_turn = master_turn
        self.fleet.open_session(owner)

    @precondition(lambda self: len(self.fleet.clients) < 3)
    @rule(owner=OWNERS)
    def another_client(self, owner: str) -> None:
        self.tell(f"{owner} connects")
        self.fleet.open_session(owner)

    @precondition(lambda self: len(self.fleet.clients) > 1)
    @rule(draw=st.integers(0, 2))
    def client_leaves(self, draw: int) -> None:
        client = self.client(draw)
        self.tell(f"client {client.session} leaves")
        self.fleet.close_session(client)

    @rule(draw=st.integers(0, 2), spec=SPECS, batch=BATCHES, pause=SHORT_PAUSES)
    def submit(self, draw: int, spec: JobSpec, batch: list[Behaviour], pause: float) -> None:
        client = self.client(draw)
        jids = client.submit(spec, batch)
        self.jids += jids
        self.tell(f"client {client.session} submits jobs {jids} of {spec}: {batch}; {pause} s pass")
        self.fleet.run(pause)

    @precondition(SimulatedCloud.has_jobs)
    @rule(
        draw=st.integers(0, 2),
        spec=SPECS,
        batch=BATCHES,
        place=st.integers(0, 200),
        count=st.integers(1, 5),
        ignore_errors=st.booleans(),
    )
    def submit_dependent(
        self,
        draw: int,
        spec: JobSpec,
        batch: list[Behaviour],
        place: int,
        count: int,
        ignore_errors: bool,
    ) -> None:
        """What they depend on may be over, be deleted, or be another owner's."""
        client, after = self.client(draw), self.some_jids(place, count)
        jids = client.submit(spec, batch, after, ignore_errors)
        self.jids += jids
        whatever = ", however these end" if ignore_errors else ""
        self.tell(
            f"client {client.session} submits jobs {jids} of {spec}, which depend on "
            f"{after}{whatever}: {batch}"
        )

    @precondition(SimulatedCloud.has_jobs)
    @rule(draw=st.integers(0, 2), place=st.integers(0, 200), count=st.integers(1, 5))
    def kill(self, draw: int, place: int, count: int) -> None:
        client, jids = self.client(draw), self.some_jids(place, count)
        self.tell(f"client {client.session} kills {jids}")
        client.kill(jids)

    @rule(draw=st.integers(0, 2))
    def kill_all(self, draw: int) -> None:
        client = self.client(draw)
        self.tell(f"client {client.session} kills all")
        client.say(KillAllJobs(client.request()))

    @precondition(SimulatedCloud.has_jobs)
    @rule(draw=st.integers(0, 2), place=st.integers(0, 200), count=st.integers(1, 3))
    def delete(self, draw: int, place: int, count: int) -> None:
        client, jids = self.client(draw), self.some_jids(place, count)
        self.tell(f"client {client.session} deletes {jids}")
        client.say(DeleteJobs(client.request(), jids))

    @precondition(SimulatedCloud.has_jobs)
    @rule(draw=st.integers(0, 2), place=st.integers(0, 200), count=st.integers(1, 3))
    def ask(self, draw: int, place: int, count: int) -> None:
        client, jids = self.client(draw), self.some_jids(place, count)
        self.tell(f"client {client.session} asks about {jids}")
        client.say(AskInfo(client.request(), jids), AskStatus(client.request(), jids))
        client.say(AskWhy(client.request(), jids[0]))

    @precondition(SimulatedCloud.has_jobs)
    @rule(draw=st.integers(0, 2), place=st.integers(0, 200))
    def watch_again(self, draw: int, place: int) -> None:
        client, jids = self.client(draw), self.some_jids(place, 3)
        mine = [jid for jid in jids if jid in client.jids]
        self.tell(f"client {client.session} watches {mine} once more")
        client.watch(mine)

    # ------------------------------------------------------------------ workers

    @precondition(lambda self: len(self.fleet.workers) < 4)
    @rule(
        cores=st.integers(1, 4),
        core_types=st.sampled_from([["c1"], ["m1"], ["c1", "m1"]]),
        delay=DELAYS,
        pause=SHORT_PAUSES,
    )
    def worker_joins(self, cores: int, core_types: list[str], delay: float, pause: float) -> None:
        worker = self.fleet.add_worker(cores, core_types, delay)
        self.tell(
            f"worker {worker.id} joins: {cores} of {core_types}, {delay} s away; {pause} s pass"
        )
        self.fleet.run(pause)

    @precondition(SimulatedCloud.has_workers)
    @rule(draw=st.integers(0, 3), master_after=PAUSES, worker_after=PAUSES)
    def link_dies(self, draw: int, master_after: float, worker_after: float) -> None:
        worker = self.worker(draw)
        self.tell(
            f"the link of worker {worker.id} dies; the master notices after {master_after} s, "
            f"the worker after {worker_after} s"
        )
        self.fleet.cut(worker, master_after=master_after, worker_after=worker_after)

    @precondition(SimulatedCloud.has_busy_workers)
    @rule(draw=st.integers(0, 3), master_after=PAUSES, worker_after=PAUSES)
    def a_busy_worker_is_lost(self, draw: int, master_after: float, worker_after: float) -> None:
        busy = [worker for worker in self.fleet.workers.values() if worker.running()]
        worker = busy[draw % len(busy)]
        self.tell(
            f"worker {worker.id}, which runs {worker.running()}, is cut off; the master notices "
            f"after {master_after} s, the worker after {worker_after} s"
        )
        self.fleet.cut(worker, master_after=master_after, worker_after=worker_after)

    @precondition(SimulatedCloud.has_workers)
    @rule(draw=st.integers(0, 3), which=st.integers(0, 7))
    def interpreter_crashes(self, draw: int, which: int) -> None:
        worker = self.worker(draw)
        numbers = list(worker.interpreters)
        if numbers:
            number = numbers[which % len(numbers)]
            self.tell(f"interpreter {number} of worker {worker.id} crashes")
            worker.interpreters[number].die(Exit(None, 11))

    @precondition(SimulatedCloud.has_workers)
    @rule(draw=st.integers(0, 3), fail=st.booleans())
    def starts_fail(self, draw: int, fail: bool) -> None:
        worker = self.worker(draw)
        self.tell(f"worker {worker.id} {'cannot' if fail else 'can'} start interpreters")
        worker.starts_fail = fail

    # ------------------------------------------------------------------ time

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.tell(f"{seconds} s pass")
        self.fleet.run(seconds)
        self.check_kills()


TestCloud = CloudMachine.TestCase
TestCloud.pytestmark = [pytest.mark.timeout(900)]
TestCloud.settings = settings(
    max_examples=4 * settings().max_examples, stateful_step_count=40, deadline=None
)
