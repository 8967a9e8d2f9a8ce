"""Who may reach which jobs, and what happens to handles that came another way."""

from typing import Any

import pytest

from picloud.protocol import client_messages as ask
from picloud.protocol import worker_messages as report
from picloud.protocol.capabilities import block_secret, capability_of
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud.protocol.jobs import Handles
from picloud_master.core import invariants
from picloud_master.core.access import caught_in_cycle
from picloud_master.core.holdings import Holdings
from tests.support.builders import Master, TestClient, TestJob, TestWorker

REQUEST = RequestId(7)
KEY = b"master key"


@pytest.fixture
def master() -> Master:
    return Master(key=KEY)


@pytest.fixture
def client(master: Master) -> TestClient:
    return master.client()


@pytest.fixture
def worker(master: Master) -> TestWorker:
    return master.worker(9)


def handle(*jids: JobId) -> Handles:
    """Handles of single jobs."""
    return [bound for jid in jids for bound in (jid, jid + 1)]


def present(first: int, stop: int, key: bytes = KEY) -> ask.PresentHandles:
    """A handle with its capability."""
    capability = capability_of(block_secret(key, first), first, stop)
    return ask.PresentHandles([first, stop], [capability])


def knows(job: TestJob, jid: JobId) -> bool:
    """Whether a job may ask about another."""
    before = len(job.heard(ask.StatusesRead))
    job.says(ask.AskStatus(REQUEST, [jid]))
    return len(job.heard(ask.StatusesRead)) > before


class TestGivenWithAJob:
    """R1 and R3."""

    def test_a_job_holds_what_its_arguments_name(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        first, second = client.submits(2)
        named, other = client.submits_each(handle(first), [])
        assert [knows(worker.job(named), jid) for jid in (first, second)] == [True, False]
        assert not knows(worker.job(other), first)

    def test_and_what_its_function_names(self, client: TestClient, worker: TestWorker) -> None:
        (first,) = client.submits()
        jids = client.submits(2, handles=handle(first))
        assert all(knows(worker.job(jid), first) for jid in jids)

    def test_what_they_were_given_together_they_add_to_apart(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (first,) = client.submits()
        left, right = map(worker.job, client.submits(2, handles=handle(first)))
        (child,) = left.submits()
        assert [knows(job, child) for job in (left, right)] == [True, False]

    def test_and_what_it_depends_on(self, client: TestClient, worker: TestWorker) -> None:
        first, second = client.submits(2)
        (third,) = client.submits_each([], depends_on=handle(first))
        worker.says(worker.done(first))
        assert [knows(worker.job(third), jid) for jid in (first, second)] == [True, False]

    def test_a_child_gets_only_what_its_parent_holds(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        first, second = client.submits(2)
        (parent,) = client.submits_each(handle(first))
        (child,) = worker.job(parent).submits_each(handle(first, second))
        assert [knows(worker.job(child), jid) for jid in (first, second)] == [True, False]

    def test_jobs_of_one_submission_do_not_hold_each_other(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (parent,) = client.submits()
        job = worker.job(parent)
        for submitter in (client, job):
            ahead = [submitter.block, submitter.block + 9]
            jids = submitter.submits_each(ahead, ahead)
            assert not any(knows(worker.job(jid), other) for jid in jids for other in jids)

    def test_a_name_of_a_job_to_come_gives_nothing(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (early,) = client.submits_each([1, 1 << 62])
        (late,) = client.submits_each(handle(early))
        assert not knows(worker.job(early), late)
        assert knows(worker.job(late), early)

    def test_a_job_of_another_owner_is_not_known_whoever_names_it(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (theirs,) = master.client("bob").submits()
        (mine,) = client.submits_each(handle(theirs))
        assert not knows(worker.job(mine), theirs)

    def test_as_many_lists_of_handles_as_jobs_are_needed(self, master: Master) -> None:
        client = master.client()
        client.submits()
        submit = ask.SubmitJobs(SpecNumber(1), JobId(5), [b"", b""], handles=[[]])
        client.says(submit)
        assert master.registry.sessions == {}

    def test_a_child_cannot_depend_on_what_its_parent_does_not_hold(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (parent, other) = client.submits(2)
        job = worker.job(parent)
        (child,) = job.submits_each([], depends_on=handle(other))
        (lost,) = job.submits_each([], depends_on=[1 << 40, 1 << 60])
        assert master.statuses([child, lost]) == ["stalled", "stalled"]
        job.watches([child, lost])
        texts = [one.failure.message for one in job.heard(ask.JobFailed)]
        assert texts == [
            f"job {other}, which it depends on, does not exist",
            f"job {1 << 40}, which it depends on, does not exist",
        ]

    def test_an_id_is_never_used_twice(self, master: Master, client: TestClient) -> None:
        (jid,) = client.submits()
        client.kills(jid)
        client.deletes(jid)
        client.says(ask.SubmitJobs(SpecNumber(1), jid, [b""]))
        assert master.registry.sessions == {}


class TestReadWithAResult:
    """R2."""

    def test_who_reads_a_result_holds_what_it_names(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (maker,) = client.submits()
        inner = worker.job(maker).submits(2)
        (reader,) = client.submits_each(handle(maker))
        worker.says(worker.done_with(maker, [inner[0], inner[-1] + 1]))
        job = worker.job(reader)
        assert not knows(job, inner[0])
        job.watches([maker])
        assert all(knows(job, jid) for jid in inner)

    def test_a_result_that_is_yet_to_come_counts_as_well(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (maker,) = client.submits()
        (inner,) = worker.job(maker).submits()
        (reader,) = client.submits_each(handle(maker))
        job = worker.job(reader)
        job.watches([maker])
        worker.says(worker.done_with(maker, handle(inner)))
        assert knows(job, inner)

    def test_without_its_bytes_an_outcome_gives_nothing(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (maker,) = client.submits()
        (inner,) = worker.job(maker).submits()
        (reader,) = client.submits_each(handle(maker))
        worker.says(worker.done_with(maker, handle(inner)))
        job = worker.job(reader)
        job.watches([maker], results=False)
        assert not knows(job, inner)

    def test_an_exception_gives_what_it_names(self, client: TestClient, worker: TestWorker) -> None:
        (maker,) = client.submits()
        (inner,) = worker.job(maker).submits()
        (reader,) = client.submits_each(handle(maker))
        failure = Failure(FailureKind.EXCEPTION, "no", handles=handle(inner))
        worker.says(worker.failed(maker, failure))
        job = worker.job(reader)
        job.watches([maker])
        assert knows(job, inner)

    @pytest.mark.parametrize("raises", [False, True])
    def test_an_outcome_gives_only_what_its_maker_held(
        self, client: TestClient, worker: TestWorker, raises: bool
    ) -> None:
        maker, other = client.submits(2)
        (reader,) = client.submits_each(handle(maker))
        (inner,) = worker.job(maker).submits()
        named = handle(inner, other)
        failure = Failure(FailureKind.EXCEPTION, "no", handles=named)
        end = worker.failed(maker, failure) if raises else worker.done_with(maker, named)
        worker.says(end)
        job = worker.job(reader)
        job.watches([maker])
        assert [knows(job, jid) for jid in (inner, other)] == [True, False]

    def test_nonsense_among_the_handles_is_left_out(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (maker,) = client.submits()
        (inner,) = worker.job(maker).submits()
        worker.says(worker.done_with(maker, [9, 3, inner, inner + 1, 5]))
        assert list((master.job(maker).gives or Holdings()).ids()) == [inner]
        assert len(master.registry.workers) == 1


class TestNoOracle:
    """Numbers tell a job nothing."""

    @pytest.mark.parametrize("status", ["queued", "done", "error", "killed"])
    def test_guesses_around_a_known_job_get_the_bytes_of_one_that_does_not_exist(
        self, status: str
    ) -> None:
        assert guessed(status) == guessed(None)

    def test_a_wrong_capability_changes_nothing(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (theirs,), (guesser,) = client.submits(), client.submits()
        job = worker.job(guesser)
        unknown = answers(job, theirs)
        job.says(present(theirs, theirs + 1, b"another key"))
        job.says(ask.PresentHandles([theirs, theirs + 1], [b""]))
        job.says(ask.PresentHandles([0, 0, 5, 2], [b"", b""]))
        job.says(ask.PresentHandles([theirs, theirs + 1], [b""], [[0, 9, 3]]))
        assert answers(job, theirs) == unknown

    def test_a_capability_for_a_job_of_another_owner_changes_nothing(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (theirs,), (guesser,) = master.client("bob").submits(), client.submits()
        job = worker.job(guesser)
        job.says(present(theirs, theirs + 1))
        assert not knows(job, theirs)


class TestShownByACapability:
    """R5."""

    def test_a_leaked_handle_is_accepted_if_it_closes_no_cycle(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        leaked = client.submits(3)
        (finder,) = client.submits()
        job = worker.job(finder)
        job.says(present(leaked[0], leaked[-1] + 1))
        assert all(knows(job, jid) for jid in leaked)

    def test_a_part_of_what_was_handed_on_whole_gives_that_part_only(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        leaked = client.submits(4)
        job = worker.job(client.submits()[0])
        whole, part = (leaked[0], leaked[-1] + 1), (leaked[1], leaked[1] + 1)
        secret = capability_of(block_secret(KEY, whole[0]), *whole)
        shown = capability_of(secret, *part)
        job.says(ask.PresentHandles([*whole, *part], [shown, shown], [[], [*whole]]))
        assert [knows(job, jid) for jid in leaked] == [False, True, False, False]

    def test_two_jobs_with_each_others_handles_cannot_wait_for_each_other(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        jids = client.submits(2)
        first, second = map(worker.job, jids)
        first.says(present(jids[1], jids[1] + 1), ask.WatchJobs([jids[1]], True))
        second.says(present(jids[0], jids[0] + 1), ask.WatchJobs([jids[0]], True))
        assert second.heard(ask.JobsInCycle) == [ask.JobsInCycle([jids[0]])]
        assert first.heard(ask.JobsInCycle) == []
        worker.says(worker.done(jids[1]))
        assert first.heard(ask.JobsDone) == [ask.JobsDone([jids[1]], [b"result"])]
        assert master.registry.statistics.cycles_refused == 1
        assert master.registry.statistics.cycles_met == 0

    def test_a_job_that_reaches_it_over_others_is_refused_with_the_reason(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (target,) = client.submits()
        (middle,) = client.submits_each(handle(target))
        far, free = client.submits_each(handle(middle), [])
        job = worker.job(target)
        job.says(present(far, free + 1))
        assert knows(job, free)
        job.says(ask.AskStatus(REQUEST, [far]), ask.KillJobs(REQUEST, [far]))
        refused = job.heard(ask.Refused)
        assert [(one.cycle, one.unknown, one.jid) for one in refused] == [(True, False, far)] * 2

    def test_its_own_handle_is_a_cycle_of_one(self, client: TestClient, worker: TestWorker) -> None:
        (jid,) = client.submits()
        job = worker.job(jid)
        job.says(present(jid, jid + 1))
        job.watches([jid])
        assert job.heard(ask.JobsInCycle) == [ask.JobsInCycle([jid])]

    def test_a_handle_of_jobs_to_come_gives_none_of_them(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (finder,) = client.submits()
        job = worker.job(finder)
        job.says(present(client.block, client.block + 5))
        (late,) = client.submits_each(handle(finder))
        assert not knows(job, late)

    def test_what_has_finished_without_naming_it_leads_nowhere(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (target,) = client.submits()
        (ended,) = client.submits_each(handle(target))
        job = worker.job(target)
        job.says(present(ended, ended + 1))
        assert not knows(job, ended)
        worker.says(worker.done(ended))
        job.says(present(ended, ended + 1))
        assert knows(job, ended)

    def test_a_long_chain_is_searched_quickly_and_only_once(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (target, end) = client.submits(2)
        chain = client.submits(20_000)
        jobs = master.registry.jobs
        for jid, after in zip(chain, [*chain[1:], end], strict=True):
            jobs[jid].holds = Holdings.of(handle(after))
        job = worker.job(target)
        job.says(present(chain[0], chain[-1] + 1))
        assert all(jid in (jobs[target].holds or ()) for jid in chain)


class TestTheGuard:
    def test_a_wait_that_the_rules_should_not_have_allowed_is_caught(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        jids = client.submits(3)
        jobs = [worker.job(jid) for jid in jids]
        for job, target in zip(jobs, [jids[1], jids[2], jids[0]], strict=True):
            master.job(job.jid).holds = Holdings.of(handle(target))  # an edge too many
        for job, target in zip(jobs, [jids[1], jids[2], jids[0]], strict=True):
            master.kernel.handle(0.0, job.event(ask.WatchJobs([target], True)))
        assert master.registry.statistics.cycles_met == 1
        assert all(not master.job(jid).watchers for jid in jids[:1])
        with pytest.raises(invariants.InvariantViolation, match="forms no cycle"):
            invariants.check(master.registry)

    def test_dependencies_are_waits_too(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (first,) = client.submits()
        job = worker.job(first)
        (second,) = client.submits_each([], depends_on=handle(first))
        (third,) = client.submits_each([], depends_on=handle(second))
        assert caught_in_cycle(master.registry, master.job(first), [master.job(third)]) == {third}
        master.job(first).holds = Holdings.of(handle(third))
        master.kernel.handle(0.0, job.event(ask.WatchJobs([third], True)))
        assert master.registry.statistics.cycles_met == 1


def answers(job: TestJob, jid: JobId) -> list[Any]:
    """All that a job hears when it asks for a job in every way."""
    before = len(job.heard(object))
    questions = [
        ask.AskStatus(REQUEST, [jid]),
        ask.AskInfo(REQUEST, [jid]),
        ask.AskWhy(REQUEST, jid),
        ask.KillJobs(REQUEST, [jid]),
        ask.DeleteJobs(REQUEST, [jid]),
        ask.WatchJobs([jid], True),
    ]
    job.says(*questions)
    heard = job.heard(object)[before:]
    assert len(heard) == len(questions)
    return heard


def guessed(status: str | None) -> list[bytes]:
    """The frames that a job gets which asks for the number after a known one, by its status."""
    master = Master()
    client, worker = master.client(), master.worker(9)
    (known,) = client.submits()
    (guesser,) = client.submits_each(handle(known))
    (jid,) = client.submits() if status else [JobId(guesser + 1)]
    ends = {"done": worker.done, "error": worker.failed}
    if status in ends:
        worker.says(ends[status](jid))
    elif status == "killed":
        client.kills(jid)
    job = worker.job(guesser)
    assert len(answers(job, jid)) == 6
    return [one.frame for one in worker.heard(report.TellJob)]
