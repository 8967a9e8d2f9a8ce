"""Each message of a client, and its misuse."""

from typing import Any

import pytest

from picloud.protocol import client_messages as ask
from picloud.protocol import limits
from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud_master.core.effects import DismissClient
from tests.support.builders import Master, TestClient, TestWorker, a_spec

ONE, TWO = SpecNumber(1), SpecNumber(2)
REQUEST = RequestId(7)
NOBODYS = JobId(5 << 40)


@pytest.fixture
def master() -> Master:
    return Master()


@pytest.fixture
def client(master: Master) -> TestClient:
    return master.client()


@pytest.fixture
def worker(master: Master) -> TestWorker:
    return master.worker(2)


def dismissal(client: TestClient, *messages: object) -> str:
    """Why a client that says this is dismissed."""
    turn = client.says(*messages)
    (text,) = [one.text for one in turn.effects if isinstance(one, DismissClient)]
    return text


class TestMisuse:
    @pytest.mark.parametrize(
        ("message", "text"),
        [
            (report.TakeBack(1), "does not send TakeBack"),
            (DefineSpec(ONE, a_spec(core_type="x9"), b""), "do not exist"),
            (DefineSpec(ONE, a_spec(cores=0), b""), "do not exist"),
            (ForgetSpec(TWO), "not defined"),
            (ask.SubmitJobs(TWO, JobId(1), [b""]), "not defined"),
        ],
    )
    def test_nonsense_costs_the_session(self, client: TestClient, message: Any, text: str) -> None:
        assert text in dismissal(client, message)

    @pytest.mark.parametrize(
        ("first", "count", "text"),
        [
            (0, 1, "not reserved"),
            (limits.JIDS_PER_BLOCK, 2, "not reserved"),
            (1, 0, "without jobs"),
            (2, 1, "in use"),
        ],
    )
    def test_only_fresh_reserved_ids_may_be_used(
        self, client: TestClient, first: int, count: int, text: str
    ) -> None:
        client.submits(3)
        assert text in dismissal(client, ask.SubmitJobs(ONE, JobId(first), [b""] * count))

    def test_a_spec_is_not_defined_twice(self, client: TestClient) -> None:
        define = DefineSpec(ONE, a_spec(), b"")
        assert "already" in dismissal(client, define, define)

    def test_what_was_said_before_the_nonsense_is_done(
        self, master: Master, client: TestClient
    ) -> None:
        submit = ask.SubmitJobs(ONE, client.block, [b""])
        dismissal(client, DefineSpec(ONE, a_spec(), b""), submit, ForgetSpec(TWO))
        assert master.statuses([client.block]) == ["queued"]
        assert master.registry.sessions == {}


class TestSubmitting:
    def test_another_block_of_ids_is_given_on_request(self, client: TestClient) -> None:
        client.says(ask.ReserveJids())
        first, second = client.heard(ask.JidsReserved)
        assert second.first == first.first + limits.JIDS_PER_BLOCK

    def test_a_forgotten_spec_is_kept_for_its_jobs(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        jids = client.submits(2)
        client.says(ForgetSpec(ONE))
        worker.says(worker.done(*jids))
        assert [type(one) for one in worker.heard(object)][-1] is ForgetSpec

    def test_its_number_may_be_defined_anew(self, client: TestClient, worker: TestWorker) -> None:
        client.submits(1)
        client.says(ForgetSpec(ONE), DefineSpec(ONE, a_spec(name="other"), b"code"))
        client.says(ask.SubmitJobs(ONE, JobId(client.block + 1), [b""]))
        assert [one.spec.name for one in worker.heard(DefineSpec)] == ["module.function", "other"]


class TestWatching:
    def test_outcomes_of_one_turn_come_together(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        jids = client.submits(2)
        client.watches(jids)
        worker.says(worker.done(*jids))
        assert client.heard(ask.JobsDone) == [ask.JobsDone(jids, [b"result"] * 2)]

    def test_results_are_left_out_where_nobody_asked_for_them(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        jids = client.submits(1)
        client.watches(jids, results=False)
        worker.says(worker.done(*jids))
        assert client.heard(ask.JobsDone) == [ask.JobsDone(jids, [None])]

    def test_watching_twice_gives_one_outcome(self, client: TestClient, worker: TestWorker) -> None:
        jids = client.submits(1)
        client.watches(jids)
        client.watches(jids)
        worker.says(worker.done(*jids))
        assert len(client.heard(ask.JobsDone)) == 1

    def test_every_watcher_hears_the_same(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        jids, other = client.submits(1), master.client()
        client.watches(jids)
        other.watches(jids)
        worker.says(worker.done(*jids))
        assert client.heard(ask.JobsDone) == other.heard(ask.JobsDone) != []

    def test_a_finished_job_is_told_at_once(self, client: TestClient, worker: TestWorker) -> None:
        (jid,) = client.submits(1)
        worker.says(worker.failed(jid))
        client.watches([jid])
        assert [one.status.value for one in client.heard(ask.JobFailed)] == ["error"]

    def test_jobs_of_others_and_jobs_that_do_not_exist_are_alike(
        self, master: Master, client: TestClient
    ) -> None:
        (theirs,) = master.client("bob").submits()
        client.watches([theirs, NOBODYS])
        assert client.heard(ask.JobsUnknown) == [ask.JobsUnknown([theirs, NOBODYS])]


class TestKilling:
    def test_a_queued_job_is_killed_at_once(self, master: Master, client: TestClient) -> None:
        (jid,) = client.submits()
        client.watches([jid])
        client.kills(jid)
        assert master.statuses([jid]) == ["killed"]
        assert len(client.heard(ask.JobFailed)) == len(client.heard(ask.Accepted)) == 1

    def test_all_jobs_of_the_owner_are_killed_and_no_others(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        mine, theirs = client.submits(3), master.client("bob").submits(1)
        client.says(ask.KillAllJobs(REQUEST))
        assert set(master.statuses(mine)) == {"killed"}
        assert master.statuses(theirs) != ["killed"]
        assert client.heard(ask.Accepted) == [ask.Accepted(REQUEST)]

    def test_one_unknown_job_refuses_the_whole_request(
        self, master: Master, client: TestClient
    ) -> None:
        (jid,) = client.submits()
        client.kills(jid, NOBODYS)
        assert master.statuses([jid]) == ["queued"]
        assert [(one.unknown, one.jid) for one in client.heard(ask.Refused)] == [(True, NOBODYS)]


class TestDeleting:
    def test_a_finished_job_is_gone(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits()
        worker.says(worker.done(jid))
        client.deletes(jid, jid)
        assert master.registry.jobs == {}
        assert client.heard(ask.Accepted) == [ask.Accepted(RequestId(2))]

    def test_an_unfinished_job_refuses_the_whole_request(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        done, running = client.submits(2)
        worker.says(worker.done(done))
        client.deletes(done, running)
        assert [(one.unknown, one.jid) for one in client.heard(ask.Refused)] == [(False, running)]
        assert master.statuses([done]) == ["done"]

    def test_a_dying_job_is_hidden_at_once_and_forgotten_when_it_is_dead(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits()
        client.kills(jid)
        client.deletes(jid)
        client.watches([jid])
        assert client.heard(ask.JobsUnknown) == [ask.JobsUnknown([jid])]
        worker.says(worker.failed(jid))
        assert master.registry.jobs == {}


class TestBlocks:
    def test_jobs_may_cross_the_border_of_two_blocks_that_touch(
        self, master: Master, client: TestClient
    ) -> None:
        client.says(ask.ReserveJids())
        last = JobId(client.block + limits.JIDS_PER_BLOCK - 1)
        client.says(DefineSpec(ONE, a_spec(), b""), ask.SubmitJobs(ONE, last, [b"", b""]))
        assert master.statuses([last, JobId(last + 1)]) == ["queued", "queued"]

    def test_but_not_what_lies_between_two_that_do_not(
        self, master: Master, client: TestClient
    ) -> None:
        master.client()  # whose block comes next
        client.says(ask.ReserveJids())
        last = JobId(client.block + limits.JIDS_PER_BLOCK - 1)
        client.says(DefineSpec(ONE, a_spec(), b""))
        assert "not reserved" in dismissal(client, ask.SubmitJobs(ONE, last, [b"", b""]))


class TestWatchedSubmissions:
    def test_their_outcomes_are_told_unasked(self, client: TestClient, worker: TestWorker) -> None:
        (jid,) = client.submits(watched=True)
        worker.says(worker.done(jid))
        assert [done.jids for done in client.heard(ask.JobsDone)] == [[jid]]

    def test_a_large_result_is_left_out_until_it_is_asked_for(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits(watched=True)
        large = bytes(limits.EAGER_RESULT + 1)
        worker.says(worker.done(jid, result=large))
        assert [done.results for done in client.heard(ask.JobsDone)] == [[None]]
        client.watches([jid])
        assert client.heard(ask.JobsDone)[-1].results == [large]

    def test_who_asks_as_well_is_told_once(self, client: TestClient, worker: TestWorker) -> None:
        (jid,) = client.submits(watched=True)
        client.watches([jid])
        worker.says(worker.done(jid))
        assert [done.jids for done in client.heard(ask.JobsDone)] == [[jid]]


class TestAsking:
    def test_statuses_come_in_the_order_asked(self, client: TestClient, worker: TestWorker) -> None:
        first, second, third = client.submits(3)
        worker.says(worker.done(first))
        client.kills(second)
        client.says(ask.AskStatus(REQUEST, [third, second, first]))
        statuses = ["queued", "killed", "done"]
        assert client.heard(ask.StatusesRead) == [ask.StatusesRead(REQUEST, statuses)]

    def test_info_waits_for_the_output_of_jobs_that_run(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits()
        client.says(ask.AskInfo(REQUEST, [jid]))
        assert client.heard(ask.InfosRead) == []
        worker.says(report.OutputRead(jid, worker.fence(jid), "out", "err", "log"))
        (answer,) = client.heard(ask.InfosRead)
        assert (answer.infos[0]["stdout"], answer.infos[0]["stderr"]) == ("out", "err")

    @pytest.mark.parametrize("end", ["done", "failed", "returned", "lost", "killed"])
    def test_info_waits_no_longer_than_the_job_runs(
        self, master: Master, client: TestClient, worker: TestWorker, end: str
    ) -> None:
        (jid,) = client.submits()
        client.says(ask.AskInfo(REQUEST, [jid]))
        if end == "lost":
            master.hears(worker.lost())
        elif end == "killed":
            client.kills(jid)
            worker.says(worker.returned(jid))
        else:
            worker.says(getattr(worker, end)(jid))
        assert len(client.heard(ask.InfosRead)) == 1

    @pytest.mark.parametrize("asks_first", [True, False])
    def test_info_waits_for_the_last_words_of_a_killed_job(
        self, client: TestClient, worker: TestWorker, asks_first: bool
    ) -> None:
        (jid,) = client.submits()
        fence = worker.fence(jid)
        if asks_first:
            client.says(ask.AskInfo(REQUEST, [jid]))
        client.kills(jid)
        if not asks_first:
            client.says(ask.AskInfo(REQUEST, [jid]))
        assert client.heard(ask.InfosRead) == []
        worker.says(report.OutputRead(jid, fence, "last words", "", ""), worker.returned(jid))
        (answer,) = client.heard(ask.InfosRead)
        assert (answer.infos[0]["status"], answer.infos[0]["stdout"]) == ("killed", "last words")

    def test_info_of_a_job_deleted_meanwhile_is_refused(
        self, master: Master, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits()
        info, delete = ask.AskInfo(REQUEST, [jid]), ask.DeleteJobs(RequestId(2), [jid])
        client.says(info)
        master.hears(worker.event(worker.done(jid)), client.event(delete))
        assert [one.request for one in client.heard(ask.Refused)] == [REQUEST]

    def test_an_output_with_another_fence_is_late(
        self, client: TestClient, worker: TestWorker
    ) -> None:
        (jid,) = client.submits()
        client.says(ask.AskInfo(REQUEST, [jid]))
        worker.says(report.OutputRead(jid, ask_fence(worker, jid), "old", "", ""))
        assert client.heard(ask.InfosRead) == []

    def test_the_reason_is_told_in_words(self, client: TestClient) -> None:
        (jid,) = client.submits()
        client.says(ask.AskWhy(REQUEST, jid))
        assert [one.request for one in client.heard(ask.ReasonRead)] == [REQUEST]

    @pytest.mark.parametrize(
        "question",
        [
            ask.AskWhy(REQUEST, NOBODYS),
            ask.AskInfo(REQUEST, [NOBODYS]),
            ask.AskStatus(REQUEST, [NOBODYS]),
        ],
    )
    def test_unknown_jobs_are_refused(self, client: TestClient, question: object) -> None:
        client.says(question)
        assert [(one.request, one.jid) for one in client.heard(ask.Refused)] == [(REQUEST, NOBODYS)]


def ask_fence(worker: TestWorker, jid: JobId) -> Any:
    """A fence that the job never had."""
    return worker.fence(jid) + 1
