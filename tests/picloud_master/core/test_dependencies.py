"""Jobs that wait for jobs."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import client_messages as ask
from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud.protocol.jobs import JobStatus
from picloud_master.core import dependencies
from picloud_master.core.job.events import KILL_REQUESTED
from picloud_master.core.job.states import Queued, Stalled
from tests.support.builders import Master, a_spec

MISSING = 1 << 40


class Plan:
    """A master with a client, and jobs that depend on jobs."""

    def __init__(self) -> None:
        self.master = Master()
        self.registry = self.master.registry
        self.client = self.master.client()
        self.client.says(DefineSpec(SpecNumber(77), a_spec(), b"code"))
        self._next = JobId(self.client.block)

    def makes(
        self, *depends_on: JobId, count: int = 1, missing: int | None = None, ignore: bool = False
    ) -> list[JobId]:
        """Submit jobs, in a turn of their own."""
        first = self._next
        self.client.says(self.submission(depends_on, count, missing, ignore))
        return [JobId(first + place) for place in range(count)]

    def submission(
        self,
        depends_on: Sequence[JobId],
        count: int = 1,
        missing: int | None = None,
        ignore: bool = False,
    ) -> ask.SubmitJobs:
        """What the client says to submit jobs."""
        first, self._next = self._next, JobId(self._next + count)
        named = [*depends_on, JobId(missing)] if missing is not None else depends_on
        handles = [bound for jid in named for bound in (int(jid), jid + 1)]
        return ask.SubmitJobs(
            SpecNumber(77), first, [b""] * count, depends_on=handles, ignore_errors=ignore
        )

    def unchecked(self, *messages: object) -> None:
        """A turn of the client without cross-checks: of many jobs they take most of the time."""
        self.master.kernel.handle(self.master.now, self.client.event(*messages))

    def states(self, *jids: JobId) -> list[str]:
        """The words for these jobs."""
        return self.master.statuses(jids)

    def stall_text(self, jid: JobId) -> str:
        """Why it never ran."""
        state = self.master.job(jid).state
        assert isinstance(state, Stalled)
        return state.failure.message


def test_a_job_waits_until_the_jobs_that_it_depends_on_are_done() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    first, second = plan.makes(count=2)
    (third,) = plan.makes(first, second)
    assert plan.states(first, second, third) == ["queued", "queued", "waiting"]
    worker.says(worker.done(first))
    assert plan.states(third) == ["waiting"]
    worker.says(worker.done(second))
    assert worker.jids() == [first, second, third]


def test_a_chain_needs_no_client_between_its_jobs() -> None:
    plan = Plan()
    chain = plan.makes()
    for _ in range(5):
        chain += plan.makes(chain[-1])
    worker = plan.master.worker(1)
    for jid in chain:
        assert jid in worker.jids()
        worker.says(worker.done(jid))
    assert plan.states(*chain) == ["done"] * 6


def test_what_has_finished_counts_at_once() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    (first,) = plan.makes()
    worker.says(worker.done(first))
    (second,) = plan.makes(first)
    assert worker.jids() == [first, second]


def test_it_may_be_deleted_once_it_has_counted() -> None:
    plan = Plan()
    worker = plan.master.worker(2)
    first, second = plan.makes(count=2)
    (third,) = plan.makes(first, second)
    worker.says(worker.done(first))
    plan.client.deletes(first)
    worker.says(worker.done(second))
    assert worker.jids() == [first, second, third]


def test_a_failure_stalls_what_depends_on_it_and_what_depends_on_that() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    (first,) = plan.makes()
    second, third = plan.makes(first, count=2)
    (fourth,) = plan.makes(second)
    plan.client.watches([third, fourth])
    worker.says(worker.failed(first))
    assert plan.states(second, third, fourth) == ["stalled"] * 3
    assert plan.stall_text(third) == f"job {first}, which it depends on, failed: the job raised"
    assert plan.stall_text(fourth) == (
        f"job {second}, which it depends on, never ran: job {first} failed: the job raised"
    )
    told = {(one.jid, one.status) for one in plan.client.heard(ask.JobFailed)}
    assert told == {(third, JobStatus.STALLED), (fourth, JobStatus.STALLED)}


def test_what_depends_on_a_failure_stalls_at_once() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    (first,) = plan.makes()
    worker.says(worker.failed(first))
    (second,) = plan.makes(first)
    (third,) = plan.makes(second)
    assert plan.states(second, third) == ["stalled", "stalled"]


def test_what_depends_on_a_killed_job_stalls() -> None:
    plan = Plan()
    (first,) = plan.makes()
    (second,) = plan.makes(first)
    plan.client.kills(first)
    assert plan.stall_text(second) == f"job {first}, which it depends on, was killed"


def test_errors_may_be_ignored() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    first, other = plan.makes(count=2)
    (second,) = plan.makes(first, other, ignore=True)
    worker.says(worker.failed(first))
    assert plan.states(second) == ["waiting"]
    plan.client.kills(other)
    assert plan.states(second) == ["queued"]
    (third,) = plan.makes(first, ignore=True)
    assert plan.states(third) == ["queued"]


def test_what_depends_on_nothing_that_exists_never_runs() -> None:
    plan = Plan()
    (first,) = plan.makes()
    second, third = plan.makes(first, count=2, missing=MISSING, ignore=True)
    assert plan.states(second, third) == ["stalled", "stalled"]
    assert plan.stall_text(second) == f"job {MISSING}, which it depends on, does not exist"


def test_a_killed_job_waits_for_nothing() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    (first,) = plan.makes()
    second, third = plan.makes(first, count=2)
    (fourth,) = plan.makes(second)
    plan.client.kills(second)
    plan.client.deletes(second)
    assert plan.states(third, fourth) == ["waiting", "stalled"]
    worker.says(worker.done(first))
    assert worker.jids() == [first, third]


def test_a_job_that_is_killed_in_the_turn_that_would_release_it_stays_killed() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    (first,) = plan.makes()
    (second,) = plan.makes(first)
    plan.registry.tell_job(plan.master.job(second), KILL_REQUESTED)
    worker.says(worker.done(first))
    assert plan.states(first, second) == ["done", "killed"]


def test_it_waits_for_its_unfinished_dependencies() -> None:
    plan = Plan()
    worker = plan.master.worker(1)
    first, second = plan.makes(count=2)
    (third,) = plan.makes(first, second)
    worker.says(worker.done(first))
    assert list(dependencies.waits_for(plan.registry, plan.master.job(third))) == [second]
    assert list(dependencies.waits_for(plan.registry, plan.master.job(second))) == []


class TestRanks:
    def test_a_raised_job_overtakes_its_elders(self) -> None:
        plan = Plan()
        jids = plan.makes(count=3)
        dependencies.make_urgent(plan.registry, plan.master.job(jids[2]), 1, 5)
        worker = plan.master.worker(3)
        assert worker.jids() == [jids[2], jids[0], jids[1]]
        assert [run.rank for run in worker.heard(report.RunJobs)] == [1, 0]

    def test_it_takes_along_what_it_depends_on(self) -> None:
        plan = Plan()
        plan.makes()
        (deep,) = plan.makes()
        (middle,) = plan.makes(deep)
        (top,) = plan.makes(middle)
        dependencies.make_urgent(plan.registry, plan.master.job(top), 4, 5)
        assert [plan.master.job(jid).rank for jid in (deep, middle, top)] == [4, 4, 4]
        worker = plan.master.worker(1)
        assert worker.jids() == [deep]
        worker.says(worker.done(deep))
        assert worker.jids() == [deep, middle]

    def test_dependencies_rise_even_if_the_job_is_urgent_enough(self) -> None:
        plan = Plan()
        (deep,) = plan.makes()
        (top,) = plan.makes(deep)
        plan.master.job(top).rank = 9
        dependencies.make_urgent(plan.registry, plan.master.job(top), 2, 5)
        assert (plan.master.job(deep).rank, plan.master.job(top).rank) == (2, 9)

    def test_a_job_has_the_priority_of_who_waits_for_it(self) -> None:
        plan = Plan()
        (first,) = plan.makes()
        (deep,) = plan.makes()
        (top,) = plan.makes(deep)
        dependencies.make_urgent(plan.registry, plan.master.job(top), 0, 2)
        assert [plan.master.job(jid).priority for jid in (first, deep, top)] == [5, 2, 2]
        worker = plan.master.worker(3)
        assert worker.jids() == [deep, top, first]
        assert [run.priority for run in worker.heard(report.RunJobs)] == [2, None]

    def test_nothing_sinks(self) -> None:
        plan = Plan()
        (jid,) = plan.makes()
        dependencies.make_urgent(plan.registry, plan.master.job(jid), 5, 5)
        dependencies.make_urgent(plan.registry, plan.master.job(jid), 3, 1)
        dependencies.make_urgent(plan.registry, plan.master.job(jid), 4, 9)
        plan.master.hears()
        assert (plan.master.job(jid).rank, plan.master.job(jid).priority) == (5, 1)


class TestSize:
    """Time grows with the number of jobs, and no call stack does."""

    COUNT = 100_000

    def test_a_chain_may_be_long(self) -> None:
        plan = Plan()
        (first,) = plan.makes()
        chain = [plan.submission([JobId(first + place)]) for place in range(self.COUNT)]
        plan.unchecked(*chain)
        last = plan.master.job(JobId(first + self.COUNT))
        dependencies.make_urgent(plan.registry, last, 7, 5)
        assert plan.master.job(first).rank == 7
        plan.unchecked(ask.KillJobs(RequestId(1), [first]))
        assert plan.states(last.id) == ["stalled"]
        assert plan.stall_text(last.id).endswith(f"never ran: job {first} was killed")

    def test_many_jobs_may_depend_on_many(self) -> None:
        plan = Plan()
        sources = [JobId(plan.client.block + place) for place in range(self.COUNT)]
        first, second = JobId(sources[-1] + 1), JobId(sources[-1] + 1 + self.COUNT)
        plan.unchecked(
            plan.submission([], self.COUNT),
            plan.submission(sources, self.COUNT),
            plan.submission(sources, self.COUNT, ignore=True),
            ask.KillJobs(RequestId(1), sources[1:]),
        )
        assert plan.states(first, second) == ["stalled", "waiting"]
        plan.unchecked(ask.KillJobs(RequestId(1), sources[:1]))
        assert type(plan.master.job(second).state) is Queued


@given(st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=4), st.booleans()), max_size=12))
def test_every_job_of_any_plan_ends(shape: list[tuple[list[int], bool]]) -> None:
    plan = Plan()
    worker = plan.master.worker(2)
    jids: list[JobId] = []
    fails: set[JobId] = set()
    for places, fail in shape:
        jids += plan.makes(*[jids[place] for place in places if place < len(jids)])
        if fail:
            fails.add(jids[-1])
    ended: set[JobId] = set()
    while running := [jid for jid in worker.jids() if jid not in ended]:
        jid = running[0]
        ended.add(jid)
        worker.says(worker.failed(jid) if jid in fails else worker.done(jid))
    assert all(plan.master.job(jid).status.is_final for jid in jids)
    assert not plan.registry.dependants
