"""A no-op job's whole life in the master's core, without any I/O: submitted, leased, done, told.

Workers here answer at once with everything that they were given, so all the time is the kernel's.
The figures are µs per job, by fleet and by how many jobs wait.
"""

import gc
from time import perf_counter

from picloud.protocol.client_messages import SubmitJobs, WatchJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SessionId, SpecNumber, WorkerId
from picloud.protocol.jobs import JobSpec, SlotPool
from picloud.protocol.worker_messages import AttemptsDone, RegisterWorker, RunJobs, SetWindow
from picloud_master.core.effects import Effect, SendToWorker
from picloud_master.core.events import ClientSaid, Event, SessionOpened, WorkerJoined, WorkerSaid
from picloud_master.core.kernel import Kernel

SESSION, SPEC = SessionId(1), SpecNumber(1)
CORES = 4
WINDOW = 40
"""What workers ask for when jobs take a millisecond."""

SHAPES = ((1, 1), (1, 1_000), (1, 100_000), (20, 1_000), (20, 100_000), (200, 100_000))
"""Workers, and jobs that are submitted at once."""

JOBS_AT_LEAST = 20_000
REPEATS = 3


def run() -> dict[str, float]:
    """The best of a few lives of each shape."""
    return {
        f"{workers} workers, {jobs} queued, us/job": min(
            _measure(workers, jobs) for _ in range(REPEATS)
        )
        for workers, jobs in SHAPES
    }


def _measure(workers: int, jobs: int) -> float:
    kernel = _kernel(workers)
    rounds = max(1, JOBS_AT_LEAST // jobs if jobs > 1 else JOBS_AT_LEAST // 10)
    gc.collect()
    start = perf_counter()
    for number in range(rounds):
        _live(kernel, JobId(1 + number * jobs), jobs)
    seconds = perf_counter() - start
    return seconds / (rounds * jobs) * 1e6


def _kernel(workers: int) -> Kernel:
    kernel = Kernel()
    kernel.handle(0.0, SessionOpened(SESSION, "ann"))
    spec = JobSpec("module.function", "3.11")
    kernel.handle(0.0, ClientSaid(SESSION, [DefineSpec(SPEC, spec, b"code")]))
    for number in range(1, workers + 1):
        registration = RegisterWorker("node", "3.11", [SlotPool(["c1"], CORES)])
        kernel.handle(0.0, WorkerJoined(WorkerId(number), registration))
        kernel.handle(0.0, WorkerSaid(WorkerId(number), [SetWindow(WINDOW)]))
    return kernel


def _live(kernel: Kernel, first: JobId, jobs: int) -> None:
    """Submit and watch jobs; let workers finish them until none is left."""
    jids = [JobId(first + place) for place in range(jobs)]
    submit = SubmitJobs(SPEC, first, [b"arguments"] * jobs)
    effects = kernel.handle(1.0, ClientSaid(SESSION, [submit, WatchJobs(jids, True)])).effects
    while answers := _answers(effects):
        effects = []
        for answer in answers:  # each worker's report is a turn of its own
            effects += kernel.handle(2.0, answer).effects


def _answers(effects: list[Effect]) -> list[Event]:
    answers: list[Event] = []
    for effect in effects:
        if isinstance(effect, SendToWorker) and isinstance(effect.message, RunJobs):
            run = effect.message
            count = len(run.jids)
            done = AttemptsDone(run.jids, [run.fence] * count, [b"r"] * count, [0.0] * count)
            answers.append(WorkerSaid(effect.worker, [done]))
    return answers
