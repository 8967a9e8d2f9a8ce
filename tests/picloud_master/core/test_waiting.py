"""Jobs that sleep at their workers and lend their cores, and jobs that pause before a retry."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import client_messages as ask
from picloud.protocol import worker_messages as report
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId
from picloud_master.core import invariants
from picloud_master.core.effects import SetAlarm
from picloud_master.core.events import AlarmRang
from picloud_master.core.holdings import Holdings
from picloud_master.core.job.states import Following
from tests.support.builders import RAISED, Master, TestJob, TestWorker

Shape = tuple[list[Any], bool]
"""A job's children, as shapes, and whether each of them depends on the one before."""


def waiting(worker: TestWorker, *jids: JobId) -> report.AttemptsWaiting:
    return report.AttemptsWaiting(list(jids), [worker.fence(jid) for jid in jids])


def resumed(worker: TestWorker, *jids: JobId) -> report.AttemptsResumed:
    return report.AttemptsResumed(list(jids), [worker.fence(jid) for jid in jids])


def alarms(master: Master) -> list[float]:
    return [effect.at for effect in master.turn.effects if isinstance(effect, SetAlarm)]


class TestLentCores:
    def full(self, cores: int = 1) -> tuple[Master, TestWorker, Sequence[JobId]]:
        """One worker, one job on each core and as many that wait for one."""
        master = Master()
        worker = master.worker(cores)
        return master, worker, master.client().submits(2 * cores)

    def test_a_waiting_job_lets_another_run(self) -> None:
        master, worker, (first, second) = self.full()
        assert worker.jids() == [first]
        worker.says(waiting(worker, first))
        assert worker.jids() == [first, second]
        assert master.statuses([first]) == ["processing"]
        assert master.registry.shares == {"ann": 1}

    def test_with_its_cores_back_nothing_more_is_granted_until_there_is_room(self) -> None:
        master, worker, (first, second) = self.full()
        worker.says(waiting(worker, first))
        worker.says(resumed(worker, first))
        assert master.registry.shares == {"ann": 2}
        (third,) = master.client("bob").submits()
        worker.says(worker.done(second))
        assert third not in worker.jids()
        worker.says(worker.done(first))
        assert worker.jids() == [first, second, third]

    def test_it_may_return_before_anybody_heard_that_it_woke_up(self) -> None:
        master, worker, (first, second) = self.full()
        worker.says(waiting(worker, first))
        worker.says(worker.done(first))
        assert master.statuses([first, second]) == ["done", "queued"]
        worker.says(resumed(worker, first), worker.done(second))
        assert master.registry.shares == {"ann": 0}

    def test_it_is_killed_as_a_running_one_and_its_late_news_changes_nothing(self) -> None:
        master, worker, (first, second) = self.full()
        client = master.client()
        worker.says(waiting(worker, first))
        client.kills(first)
        assert worker.heard(report.StopAttempts)[0].jids == [first]
        worker.says(resumed(worker, first), waiting(worker, first))
        killed = Failure(FailureKind.KILLED, "the job was killed")
        worker.says(worker.failed(first, killed), worker.done(second))
        assert master.statuses([first, second]) == ["killed", "done"]
        assert master.registry.shares == {"ann": 0}

    def test_it_runs_again_if_its_worker_is_lost(self) -> None:
        master, worker, (first, second) = self.full()
        worker.says(waiting(worker, first))
        master.hears(worker.lost())
        other = master.worker(2)
        assert other.jids() == [first, second]
        assert master.job(first).attempts == 2

    def test_news_of_an_earlier_lease_is_late(self) -> None:
        master, worker, (first, second) = self.full()
        old = waiting(worker, first)
        worker.says(worker.returned(first))
        worker.says(old)
        assert worker.jids() == [first, first]
        assert master.statuses([first, second]) == ["queued", "queued"]

    def test_wide_jobs_lend_all_their_cores(self) -> None:
        master = Master()
        worker = master.worker(4)
        (wide,) = master.client().submits(cores=4)
        small = master.client().submits(4)
        worker.says(waiting(worker, wide))
        assert worker.jids() == [wide, *small]

    def test_one_deleted_while_it_is_killed_gives_its_cores_back(self) -> None:
        master, worker, (first, second) = self.full()
        client = master.client()
        worker.says(waiting(worker, first))
        client.kills(first)
        client.deletes(first)
        worker.says(worker.failed(first))
        assert first not in master.registry.jobs
        worker.says(worker.done(second))
        assert master.registry.workers[worker.id].leased_cores == [0]


class TestDepthFirst:
    """What a waiting job waits for runs before what nobody waits for."""

    def asleep(self) -> tuple[Master, TestWorker, TestJob, list[JobId]]:
        """A job that waits for its two children on the only core, and other jobs in the queue."""
        master = Master()
        worker = master.worker(1)
        client = master.client()
        jid, *others = client.submits(3)
        job = worker.job(jid).reserves()
        children = job.submits(2)
        job.watches(children)
        worker.says(waiting(worker, jid))
        return master, worker, job, [*children, *others]

    def test_children_go_before_other_jobs(self) -> None:
        _, worker, _, (first, second, third, fourth) = self.asleep()
        for jid in (first, second, third, fourth):
            assert worker.jids()[-1] == jid
            worker.says(worker.done(jid))

    def test_grandchildren_go_before_children(self) -> None:
        _, worker, _, (first, second, *_) = self.asleep()
        child = worker.job(first).reserves()
        (deep,) = child.submits(1)
        child.watches([deep])
        worker.says(waiting(worker, first))
        assert worker.jids()[-1] == deep
        worker.says(worker.done(deep))
        worker.says(resumed(worker, first))
        worker.says(worker.done(first))
        assert worker.jids()[-1] == second
        assert [run.rank for run in worker.heard(report.RunJobs)] == [0, 1, 2, 1]

    def test_it_hears_of_its_children_and_runs_on_with_its_cores(self) -> None:
        master, worker, job, (first, second, *_) = self.asleep()
        worker.says(worker.done(first))
        worker.says(worker.done(second))
        assert [one.jids for one in job.heard(ask.JobsDone)] == [[first], [second]]
        jid = worker.jids()[0]
        worker.says(resumed(worker, jid), worker.done(jid))
        assert master.statuses([jid, first, second]) == ["done"] * 3

    def test_an_older_job_that_it_waits_for_is_raised(self) -> None:
        master = Master()
        client = master.client()
        (asker,) = client.submits(priority=1)
        others = client.submits(3)
        worker = master.worker(1)
        assert worker.jids() == [asker]
        master.job(asker).holds = Holdings.of([others[2], others[2] + 1])
        job = worker.job(asker).reserves()
        job.watches([others[2]])
        assert master.job(others[2]).rank == 1
        worker.says(waiting(worker, asker))
        assert worker.jids() == [asker, others[2]]


class TestUsage:
    def test_what_an_attempt_has_used_is_kept(self) -> None:
        master = Master()
        (jid,), worker = master.client().submits(), master.worker()
        fence = worker.fence(jid)
        used, other = b"used", b"other"
        worker.says(report.AttemptsDone([jid], [fence], [b"r"], [0.5], None, False, [used], [1]))
        assert master.job(jid).usage == used
        worker.says(report.AttemptsDone([jid], [fence], [b"r"], [0.5], None, False, [other], [1]))
        worker.says(report.AttemptFailed(jid, fence, RAISED, 0.5, other))
        assert master.job(jid).usage == used


class TestRetries:
    def test_a_failed_job_goes_ahead_of_those_that_wait(self) -> None:
        master = Master()
        worker = master.worker(1)
        first, second = master.client().submits(2, retries=1)
        worker.says(worker.failed(first))
        assert worker.jids() == [first, first]
        worker.says(worker.failed(first))
        assert master.statuses([first]) == ["error"]
        assert worker.jids() == [first, first, second]
        assert master.job(first).attempts == 2

    def test_it_pauses_until_the_alarm(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits(retries=2, retry_delay=30.0)
        worker.says(worker.failed(jid))
        assert alarms(master) == [130.0]
        assert master.statuses([jid]) == ["queued"]
        master.now = 129.0
        master.hears()
        assert alarms(master) == []
        master.now = 130.5
        master.hears(AlarmRang())
        assert worker.jids() == [jid, jid]
        assert alarms(master) == []

    def test_the_alarm_is_moved_only_for_an_earlier_one(self) -> None:
        master = Master()
        worker = master.worker(3)
        client = master.client()
        (far,) = client.submits(retries=1, retry_delay=60.0)
        (near,) = client.submits(retries=1, retry_delay=10.0)
        (middle,) = client.submits(retries=1, retry_delay=30.0)
        for jid, expected in [(far, [160.0]), (near, [110.0]), (middle, [])]:
            worker.says(worker.failed(jid))
            assert alarms(master) == expected
        master.now = 110.0
        master.hears(AlarmRang())
        assert alarms(master) == [130.0]

    def test_an_alarm_that_rings_too_early_is_set_again(self) -> None:
        master = Master()
        worker = master.worker(1)
        (jid,) = master.client().submits(retries=1, retry_delay=5.0)
        worker.says(worker.failed(jid))
        master.hears(AlarmRang())
        assert alarms(master) == [105.0]

    def test_a_pausing_job_can_be_killed(self) -> None:
        master = Master()
        worker = master.worker(1)
        client = master.client()
        (jid,) = client.submits(retries=1, retry_delay=5.0)
        client.watches([jid])
        worker.says(worker.failed(jid))
        client.kills(jid)
        assert len(client.heard(ask.JobFailed)) == 1
        master.now = 105.0
        master.hears(AlarmRang())
        assert worker.jids() == [jid]


class TestUrgency:
    def test_what_an_urgent_job_starts_goes_before_what_is_as_urgent(self) -> None:
        master = Master()
        worker = master.worker(1)
        first, second = master.client().submits(2, priority=1)
        (child,) = worker.job(first).submits()
        worker.says(waiting(worker, first))
        assert worker.jids() == [first, child]
        assert worker.heard(report.RunJobs)[-1].priority == 1
        worker.says(worker.done(child), resumed(worker, first))
        worker.says(worker.done(first))
        assert worker.jids() == [first, child, second]

    def test_so_does_what_it_waits_for(self) -> None:
        master = Master()
        worker = master.worker(1)
        client = master.client()
        (busy,) = client.submits(priority=1)
        (late,) = client.submits(priority=9)
        client.submits(priority=4)
        (urgent,) = client.submits(priority=1, handles=[int(late), late + 1])
        worker.says(worker.done(busy))
        worker.job(urgent).watches([late])
        worker.says(waiting(worker, urgent))
        assert worker.jids() == [busy, urgent, late]

    def test_what_another_job_starts_has_its_own_priority_if_that_is_more_urgent(self) -> None:
        master = Master()
        worker = master.worker(1)
        (parent,) = master.client().submits(priority=9)
        job = worker.job(parent)
        (like, keen) = job.submits()[0], job.submits(priority=2)[0]
        assert [master.job(jid).priority for jid in (parent, like, keen)] == [9, 5, 2]


class Program:
    """A worker that runs trees of jobs: each waits for its children, which may form a chain."""

    def __init__(self, cores: int) -> None:
        self.master = Master()
        self.worker = self.master.worker(cores)
        self.client = self.master.client()
        self._shapes: dict[JobId, Shape] = {}
        self._children: dict[JobId, list[JobId]] = {}
        self.most_asleep = 0

    def runs(self, shapes: list[Shape]) -> None:
        """Submit a job for each and let time pass until nothing can happen any more."""
        jids = self.client.submits_each(*[[] for _ in shapes])
        self._shapes.update(zip(jids, shapes, strict=True))
        begun: set[JobId] = set()
        while True:
            invariants.check_reasons(self.master.registry)
            fresh = [jid for jid in self.worker.jids() if jid not in begun and self._may_run(jid)]
            awake = [jid for jid, children in self._children.items() if self._all_done(children)]
            if awake:
                del self._children[awake[0]]
                self.worker.says(resumed(self.worker, awake[0]))
                self.worker.says(self.worker.done(awake[0]))
            elif fresh:
                begun.add(fresh[0])
                self._begins(fresh[0])
            else:
                return

    def _begins(self, jid: JobId) -> None:
        children, chained = self._shapes[jid]
        if not children:
            self.worker.says(self.worker.done(jid))
            return
        job = self.worker.job(jid).reserves()
        jids: list[JobId] = []
        for _ in children:
            before = [jids[-1], jids[-1] + 1] if chained and jids else None
            jids += job.submits_each([], depends_on=before)
        self._shapes.update(zip(jids, children, strict=True))
        self._children[jid] = jids
        job.watches(jids[-1:] if chained else jids)
        self.worker.says(waiting(self.worker, jid))
        self.most_asleep = max(self.most_asleep, len(self._children))

    def _may_run(self, jid: JobId) -> bool:
        return type(self.master.job(jid).state) is not Following

    def _all_done(self, jids: list[JobId]) -> bool:
        return set(self.master.statuses(jids)) == {"done"}


LEAF: Shape = ([], False)
SHAPES = st.recursive(
    st.just(LEAF),
    lambda inner: st.tuples(st.lists(inner, max_size=3), st.booleans()),
    max_leaves=12,
)


@given(st.lists(SHAPES, min_size=1, max_size=4), st.integers(1, 2))
def test_any_program_of_nested_jobs_ends(shapes: list[Shape], cores: int) -> None:
    program = Program(cores)
    program.runs(shapes)
    registry = program.master.registry
    assert {job.status.value for job in registry.jobs.values()} <= {"done"}
    assert sum(registry.shares.values()) == 0


def test_recursion_keeps_few_asleep() -> None:
    def tree(depth: int) -> Shape:
        return ([tree(depth - 1), tree(depth - 1)], False) if depth else LEAF

    program = Program(1)
    program.runs([tree(6)] * 3)
    assert program.most_asleep <= 6 + 2
