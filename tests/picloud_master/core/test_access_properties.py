"""Whatever clients and jobs do with handles: no job reaches itself, and none waits for itself.

After every turn the registry is checked from scratch: both graphs are free of cycles, and the
guard of waiting has had nothing to do (`access_invariants.check_graphs`).
"""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.protocol import client_messages as ask
from picloud.protocol.capabilities import block_secret, capability_of
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId, RequestId
from picloud.protocol.jobs import Handles
from picloud_master.core.job.states import PLACED_STATES, UNFINISHED_STATES
from tests.support.builders import Master, TestClient, TestJob

KEY = b"master key"
NUMBER = st.integers(0, 30)
CHOICES = st.lists(NUMBER, max_size=4)


class World:
    """A client, its jobs, and a worker with room for all; numbers choose among what there is."""

    def __init__(self) -> None:
        self.master = Master(key=KEY)
        self.client = self.master.client()
        self.worker = self.master.worker(1000)
        self.jids: list[JobId] = []
        self.jobs: dict[JobId, TestJob] = {}

    def submit(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """The client or a job submits jobs that name others, or jobs to come."""
        who = self._speaker(by)
        ahead = JobId(who.block + len(self.jids) % 5)
        handles = [[*self._handles(named), ahead, ahead + 2]] * (count % 3 + 1)
        depends_on = self._handles(waits[:2]) if by % 3 == 0 else None
        self.jids += who.submits_each(*handles, depends_on=depends_on)

    def watch(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """A job waits for whatever it can think of."""
        job = self._running(by)
        if job is not None:
            job.watches([self._any(number) for number in named], results=count % 4 > 0)

    def present(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """A job shows a handle that somebody has written into a file, and waits for it."""
        job = self._running(by)
        if job is not None:
            for number in named:
                first = self._any(number)
                stop = first + count % 4 + 1
                capability = capability_of(block_secret(KEY, first), first, stop)
                job.says(ask.PresentHandles([first, stop], [capability]))
                job.watches([first])

    def finish(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """A job ends with a result or an exception that names others, or is lost."""
        job = self._running(by)
        if job is not None:
            handles = self._handles(named)
            ends = [
                self.worker.done_with(job.jid, handles),
                self.worker.failed(job.jid, Failure(FailureKind.EXCEPTION, "no", handles=handles)),
                self.worker.returned(job.jid),
            ]
            self.worker.says(ends[count % 3])

    def kill(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """The client or a job ends a job."""
        self._speaker(by).says(ask.KillJobs(RequestId(1), [self._any(count)]))

    def delete(self, by: int, named: list[int], count: int, waits: list[int]) -> None:
        """The client forgets all that has finished, of a few."""
        jobs = self.master.registry.jobs
        for jid in {self._any(number) for number in named}:
            if jid in jobs and not isinstance(jobs[jid].state, UNFINISHED_STATES):
                self.client.deletes(jid)

    def _any(self, number: int) -> JobId:
        return self.jids[number % len(self.jids)] if self.jids else JobId(1)

    def _handles(self, numbers: list[int]) -> Handles:
        return [bound for number in numbers for bound in (self._any(number), self._any(number) + 1)]

    def _running(self, number: int) -> TestJob | None:
        jobs = self.master.registry.jobs.values()
        placed = [job.id for job in jobs if isinstance(job.state, PLACED_STATES)]
        if not placed:
            return None
        jid = placed[number % len(placed)]
        job = self.jobs.get(jid)
        if job is None or not job.is_of(self.worker.fence(jid)):
            job = self.jobs[jid] = self.worker.job(jid)
        return job

    def _speaker(self, number: int) -> TestClient:
        return (self._running(number // 2) or self.client) if number % 2 else self.client


DEEDS = [World.submit, World.watch, World.present, World.finish, World.kill, World.delete]
# Submitting and presenting is what could go wrong, so it comes more often.
HISTORY = st.lists(
    st.tuples(st.sampled_from([*DEEDS, *DEEDS[:3], *DEEDS[:3]]), NUMBER, CHOICES, NUMBER, CHOICES),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(HISTORY)
def test_no_job_comes_to_wait_for_itself(history: list[tuple[Any, ...]]) -> None:
    world = World()
    for deed, by, named, count, waits in history:
        deed(world, by, named, count, waits)
    assert world.master.registry.statistics.cycles_met == 0
