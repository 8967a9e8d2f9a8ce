"""Whatever programs jobs run on however few slots, they come to their end.

Hypothesis makes up programs: jobs that call others, wait for what they know of, let jobs depend on
jobs, pass handles on, return them, leak them into the world and use what others have leaked; and
what goes wrong meanwhile. After every turn both graphs are free of cycles and the guard of waiting
has had nothing to do (`invariants`), every unfinished job can say why, and what runs has cores.
"""

from collections.abc import Callable
from copy import deepcopy
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from picloud.protocol.client_messages import JobFailed, JobsDone, KillAllJobs
from picloud.protocol.jobs import JobSpec
from picloud_master.core.job.states import UNFINISHED_STATES
from picloud_worker.core.events import Exit
from tests.support.fleet import Fleet
from tests.support.programs import Call, Find, Kill, Leak, Program, Run, Step, Wait
from tests.support.simulated_client import SimulatedClient

SPEC = JobSpec("module.function", "3.11")
NUMBERS = st.integers(-2, 5)
"""Of the jobs that a job knows; negative ones are the latest."""
SOME = st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)
FEW = st.lists(NUMBERS, max_size=2).map(tuple)
RUNS = st.builds(Run, st.sampled_from([0.000_1, 0.003, 0.03, 0.3, 100.0]))
WAITS = st.builds(Wait, SOME, st.booleans(), st.sampled_from([None, None, None, 0.0, 0.01, 1.0]))
LEAKS, FINDS, KILLS = (st.builds(one, NUMBERS) for one in (Leak, Find, Kill))
ENDINGS = st.sampled_from(["returns"] * 6 + ["raises", "exits"])
PATIENCE = 1e6


def specs(cores: int) -> st.SearchStrategy[JobSpec]:
    """What jobs of jobs may be asked to be, on a worker with so many cores."""
    return st.builds(
        JobSpec,
        name=st.just("module.function"),
        python=st.just("3.11"),
        cores=st.sampled_from([1, 1, 1, cores]),
        priority=st.sampled_from([5, 5, 5, 1, 9]),
        restartable=st.sampled_from([True, True, True, False]),
        kill_process=st.sampled_from([False, False, False, True]),
        retries=st.sampled_from([0, 0, 0, 1]),
        retry_delay=st.sampled_from([0.0, 0.5]),
    )


def programs(depth: int, cores: int) -> st.SearchStrategy[Program]:
    """Programs whose jobs call jobs, so many deep."""
    habits = [st.tuples(RUNS), st.tuples(WAITS), st.tuples(LEAKS), st.tuples(FINDS, WAITS)]
    if depth:
        calls = st.builds(
            Call,
            st.lists(programs(depth - 1, cores), min_size=1, max_size=3).map(tuple),
            specs(cores),
            after=st.one_of(st.just(()), FEW),
            ignore_errors=st.booleans(),
            passes=FEW,
            declares=st.sampled_from([True, True, False]),
            in_code=st.booleans(),
        )
        habits += [
            st.tuples(calls, WAITS),
            st.tuples(calls, LEAKS, WAITS),
            st.tuples(calls, calls),
            st.tuples(KILLS),
        ]
    steps = st.lists(st.one_of(habits), max_size=3).map(_in_a_row)
    return st.builds(Program, steps, ENDINGS, FEW)


def _in_a_row(several: list[tuple[Step, ...]]) -> tuple[Step, ...]:
    return tuple(chain.from_iterable(several))


@st.composite
def stories(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    """Workers, programs and what goes wrong."""
    cores = draw(st.sampled_from([1, 1, 2]))
    return {
        "cores": cores,
        "workers": draw(st.sampled_from([1, 1, 2])),
        "sleepers": draw(st.sampled_from([64, 64, 1, 0])),
        "turn": draw(st.sampled_from([0.000_2, 0.000_2, 0.0, 0.01])),
        # Copied, for hypothesis takes minutes to print what it remembers to have built so deep.
        "programs": deepcopy(draw(st.lists(programs(2, cores), min_size=1, max_size=3))),
        "faults": draw(st.lists(FAULTS, max_size=3)),
    }


FAULTS = st.tuples(
    st.sampled_from([0.0, 0.04, 0.1, 0.5, 30.0]),
    st.sampled_from(["crash", "crash", "cut", "kill", "kill all", "leave"]),
    NUMBERS,
)


class Cluster:
    """A cloud with two owners, what was done to it and what its jobs do."""

    def __init__(self, story: dict[str, Any]) -> None:
        self.fleet = Fleet(master_turn=story["turn"], with_reasons=True)
        self.story = story
        self.clients: list[SimulatedClient] = []
        self.is_quiet = True

    def tell(self, text: str) -> None:
        """Add a line to the diary."""
        self.fleet.world.diary.append(f"at {self.fleet.timeline.now:.6f}: {text}")

    def add_worker(self) -> None:
        """A worker joins."""
        cores, sleepers = self.story["cores"], self.story["sleepers"]
        worker = self.fleet.add_worker(cores, max_sleepers=sleepers)
        self.tell(f"worker {worker.id} joins: {cores} cores, {sleepers} may sleep")

    def live(self) -> None:
        """Everything happens."""
        for _ in range(self.story["workers"]):
            self.add_worker()
        self.clients = [self.fleet.open_session(owner) for owner in ("ann", "bob", "ann")]
        for number, program in enumerate(self.story["programs"]):
            client = self.clients[number % 3]
            (jid,) = client.submit(SPEC, [program])
            self.tell(f"{client.owner} submits job {jid}: {program}")
        for pause, fault, which in self.story["faults"]:
            self.fleet.run(pause)
            self.suffer(fault, which)
        over = self.fleet.run_until_over(PATIENCE)
        jobs = self.fleet.kernel.registry.jobs.values()
        left = [(job, job.state) for job in jobs if isinstance(job.state, UNFINISHED_STATES)]
        assert over, f"never ended: {left}"
        self.fleet.run(200.0)

    def suffer(self, fault: str, which: int) -> None:
        """Something goes wrong, or somebody changes his mind."""
        worker = list(self.fleet.workers.values())[which % len(self.fleet.workers)]
        client = self.clients[which % len(self.clients)]
        self.tell(f"{fault} ({which})")
        match fault:
            case "crash" if worker.interpreters:
                numbers = list(worker.interpreters)
                worker.interpreters[numbers[which % len(numbers)]].die(Exit(None, 11))
            case "cut":
                self.fleet.cut(worker, master_after=0.1, worker_after=0.05)
                self.add_worker()
            case "kill":
                mine = [
                    job.id
                    for job in self.fleet.kernel.registry.jobs.values()
                    if job.submission.owner == client.owner
                ]
                client.kill(mine[which % len(mine) :][:1] if mine else [])
            case "kill all":
                client.say(KillAllJobs(client.request()))
            case "leave" if len(self.clients) > 1:
                self.clients.remove(client)
                self.fleet.close_session(client)

    def check_end(self) -> None:
        """Everybody has heard of his jobs, and nothing is left behind."""
        registry = self.fleet.kernel.registry
        for client in self.clients:
            told = [jid for one in client.heard for jid in _ended(one)]
            assert sorted(told) == sorted(client.jids), f"client {client.session} heard {told}"
        assert registry.statistics.cycles_met == 0
        assert not registry.session_of_job, "a session outlives its attempt"
        assert not any(registry.shares.values()), f"cores that nobody uses: {registry.shares}"
        for worker in self.fleet.workers.values():
            crew = worker.agent.crew
            assert not crew.attempts, f"worker {worker.id} holds {crew.attempts}"
            assert not crew.sleepers, f"worker {worker.id} counts {crew.sleepers} sleepers"
            for pool in crew.pools:
                assert pool.free_cores() == pool.cores, f"worker {worker.id} has lost cores"
                assert not pool.lending, f"worker {worker.id} waits for {pool.lending}"
        self.fleet.observer.check_journal()


def _ended(message: object) -> list[int]:
    match message:
        case JobsDone(jids):
            return list(jids)
        case JobFailed(jid):
            return [jid]
    return []


def tells_its_story(cluster: Cluster) -> None:
    """Live to the end; a failure prints what happened as a numbered list."""
    try:
        cluster.live()
        cluster.check_end()
    except BaseException:
        for number, line in enumerate(cluster.fleet.world.diary, 1):
            note(f"{number:3}. {line}")
        raise


@settings(
    max_examples=4 * settings().max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(stories())
def test_every_program_of_finite_jobs_ends(story: dict[str, Any]) -> None:
    tells_its_story(Cluster(story))
