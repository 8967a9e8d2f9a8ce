"""Running jobs as clients: what they say, what they hear, and when that ends."""

from picloud.protocol import client_messages as ask
from picloud.protocol import limits
from picloud.protocol import worker_messages as report
from picloud.protocol.capabilities import block_secret
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId, RequestId, SpecNumber
from picloud.protocol.wire import WIRE
from picloud_master.core.effects import SendToWorker
from tests.support.builders import Master, TestClient, TestJob, TestWorker, a_spec


def a_speaking_job(cores: int = 3) -> tuple[Master, TestClient, TestWorker, TestJob]:
    """A job of a client that runs on the only worker."""
    master = Master()
    client, worker = master.client(), master.worker(cores)
    (jid,) = client.submits()
    return master, client, worker, worker.job(jid)


class TestSpeaking:
    def test_its_first_words_open_its_session_and_it_gets_ids_when_it_asks(self) -> None:
        master, _, _, job = a_speaking_job()
        (reserved,) = job.heard(ask.JidsReserved)
        assert reserved.secret == block_secret(b"master key", reserved.first)
        assert reserved.first == limits.JIDS_PER_BLOCK + 1
        assert master.registry.session_of_job[job.jid].owner == "ann"

    def test_no_ids_are_told_to_one_that_does_not_ask(self) -> None:
        master = Master()
        (jid,), worker = master.client().submits(), master.worker()
        job = TestJob(master, worker, jid)
        job.says(ask.AskStatus(RequestId(1), []))
        assert job.heard(object) == [ask.StatusesRead(RequestId(1), [])]

    def test_its_children_run_and_their_results_reach_it(self) -> None:
        master, _, worker, job = a_speaking_job()
        children = job.submits(2)
        job.watches(children)
        worker.says(worker.done(*children))
        assert job.heard(ask.JobsDone) == [ask.JobsDone(children, [b"result"] * 2)]
        assert [master.job(jid).submission.parent for jid in children] == [job.jid] * 2

    def test_it_is_told_which_functions_have_led_to_it(self) -> None:
        _, _, worker, job = a_speaking_job(30)
        for level in range(12):
            (child,) = job.submits(name=f"m.f{level} at m.py:{level}")
            job = worker.job(child)
        job.says(ask.AskChain(RequestId(8)))
        (answer,) = job.heard(ask.ReasonRead)
        first, last = "module.function → m.f0 → m.f1 → m.f2", "m.f8 → m.f9 → m.f10 → m.f11"
        assert answer.text == f"{first} → … → {last} (13 levels)"

    def test_a_client_has_no_such_chain(self) -> None:
        master, client, _, _ = a_speaking_job()
        client.says(ask.AskChain(RequestId(8)))
        assert client.id not in master.registry.sessions

    def test_what_a_turn_has_to_say_to_it_is_one_frame_after_the_commit(self) -> None:
        master, _, worker, job = a_speaking_job()
        first, second = job.submits(2)
        job.watches([first, second])
        status = job.event(ask.AskStatus(RequestId(3), [first]))
        failed = worker.event(worker.failed(first), worker.done(second))
        turn = master.hears(status, failed)
        told = [one for one in turn.effects if isinstance(one, SendToWorker)]
        letters = [one for one in told if isinstance(one.message, report.TellJob)]
        assert [one.after_commit for one in letters] == [True]
        kinds = [type(message) for message in WIRE.decode(letters[0].message.frame)]
        assert kinds == [ask.StatusesRead, ask.JobsDone, ask.JobFailed]

    def test_large_results_are_cut_into_frames(self) -> None:
        _, _, worker, job = a_speaking_job()
        first, second = job.submits(2)
        job.watches([first, second])
        large = b"x" * limits.FRAME_TARGET
        worker.says(worker.done(first, second, result=large))
        assert [one.jids for one in job.heard(ask.JobsDone)] == [[first], [second]]
        assert len(worker.heard(report.TellJob)) == 3

    def test_a_result_that_fits_into_no_frame_to_a_worker_is_an_error_to_it_alone(self) -> None:
        master, client, worker, job = a_speaking_job()
        (child,) = job.submits()
        client.watches([child])
        job.watches([child])
        worker.says(worker.done(child, result=bytes(limits.MAX_PAYLOAD)))
        (failed,) = job.heard(ask.JobFailed)
        assert failed.failure.kind is FailureKind.SERIALIZATION
        assert [one.jids for one in client.heard(ask.JobsDone)] == [[child]]
        assert master.statuses([child]) == ["done"]

    def test_outcomes_of_children_come_unasked_if_it_wants_that(self) -> None:
        _, _, worker, job = a_speaking_job()
        children = job.submits(1, watched=True)
        worker.says(worker.done(*children))
        assert job.heard(ask.JobsDone) == [ask.JobsDone(children, [b"result"])]

    def test_it_may_kill_and_delete_its_children(self) -> None:
        master, _, _, job = a_speaking_job()
        (child,) = job.submits()
        job.kills(child)
        assert master.statuses([child]) == ["killed"]
        job.deletes(child)
        assert job.heard(ask.Accepted) == [ask.Accepted(RequestId(1)), ask.Accepted(RequestId(2))]

    def test_all_that_it_may_kill_is_what_it_holds(self) -> None:
        master, client, _, job = a_speaking_job()
        (other,), children = client.submits(), job.submits(2)
        job.says(ask.KillAllJobs(RequestId(1)))
        assert master.statuses([job.jid, other, *children]) == [
            "queued",
            "queued",
            "killed",
            "killed",
        ]

    def test_what_it_says_is_part_of_its_story(self) -> None:
        master, _, _, job = a_speaking_job()
        (child,) = job.submits()
        story = master.registry.story
        assert any("SubmitJobs" in line for line in story.of(who=f"job {job.jid}", jid=child))
        assert any("JobSaid" in line for line in story.of(jid=job.jid))

    def test_words_of_an_earlier_attempt_are_late(self) -> None:
        master, _, worker, job = a_speaking_job(1)
        worker.says(worker.returned(job.jid))
        job.submits()
        assert len(master.registry.jobs) == 1
        assert worker.fence(job.jid) == Fence(2)


class TestInfo:
    def test_a_client_reads_of_parents_and_children(self) -> None:
        _, client, worker, job = a_speaking_job()
        (child,) = job.submits()
        worker.says(worker.done(child), worker.done(job.jid))
        client.says(ask.AskInfo(RequestId(1), [job.jid, child]))
        (read,) = client.heard(ask.InfosRead)
        assert [(one["parent"], one["children"]) for one in read.infos] == [(None, 1), (job.jid, 0)]

    def test_a_job_does_not(self) -> None:
        _, _, worker, job = a_speaking_job()
        (child,) = job.submits()
        worker.says(worker.done(child))
        job.says(ask.AskInfo(RequestId(1), [child]))
        (read,) = job.heard(ask.InfosRead)
        assert not {"parent", "children"} & read.infos[0].keys()


class TestTheEnd:
    def test_its_session_ends_with_its_lease_and_its_children_go_on(self) -> None:
        master, _, worker, job = a_speaking_job()
        (child,) = job.submits()
        job.watches([child])
        worker.says(worker.done(job.jid))
        assert master.registry.session_of_job == {}
        worker.says(worker.done(child))
        assert job.heard(ask.JobsDone) == []
        assert master.statuses([child]) == ["done"]
        assert worker.heard(ForgetSpec)[-1].number == SpecNumber(2)

    def test_what_it_said_before_its_end_in_the_same_turn_counts(self) -> None:
        master, _, worker, job = a_speaking_job()
        submit = ask.SubmitJobs(SpecNumber(1), job.block, [b""])
        last = job.event(DefineSpec(SpecNumber(1), a_spec(), b""), submit)
        master.hears(last, worker.event(worker.done(job.jid)))
        assert master.statuses([job.block]) == ["queued"]

    def test_a_killed_one_is_not_listened_to(self) -> None:
        master, client, _, job = a_speaking_job()
        client.kills(job.jid)
        assert master.registry.session_of_job == {}
        job.submits()
        assert len(master.registry.jobs) == 1

    def test_an_open_question_of_an_ended_one_is_dropped(self) -> None:
        master, _, worker, job = a_speaking_job()
        (child,) = job.submits()
        job.says(ask.AskInfo(RequestId(1), [child]))
        master.hears(worker.lost())
        assert job.heard(ask.InfosRead) == []

    def test_a_restarted_attempt_still_holds_what_the_first_one_held(self) -> None:
        master, _, worker, job = a_speaking_job()
        (child,) = job.submits()
        master.hears(worker.lost())
        second = master.worker(3).job(job.jid)
        second.says(ask.AskStatus(RequestId(1), [child]))
        assert len(second.heard(ask.StatusesRead)) == 1


class TestNonsense:
    def test_it_ends_the_attempt_alone_with_a_failure_that_says_so(self) -> None:
        master, client, worker, job = a_speaking_job()
        (other,) = client.submits()
        client.watches([job.jid])
        turn = worker.says(job.said(b"nonsense"))
        assert worker.heard(report.StopAttempts) == [report.StopAttempts([job.jid], [Fence(1)])]
        assert [type(one) for one in turn.effects] == [SendToWorker]
        worker.says(worker.failed(job.jid), worker.done(other))
        (failed,) = client.heard(ask.JobFailed)
        assert failed.failure.kind is FailureKind.EXCEPTION
        assert "not a frame" in failed.failure.message
        assert master.statuses([job.jid, other]) == ["error", "done"]

    def test_so_do_capabilities_that_are_fewer_than_their_ranges(self) -> None:
        for wrong in (
            ask.PresentHandles([1, 2, 3], [b""]),
            ask.PresentHandles([1, 2], [b""], [[], []]),
        ):
            master, _, worker, job = a_speaking_job()
            job.says(wrong)
            worker.says(worker.done(job.jid))
            assert master.statuses([job.jid]) == ["error"]

    def test_a_result_that_crosses_the_stop_does_not_count(self) -> None:
        master, _, worker, job = a_speaking_job()
        job.says(ask.SubmitJobs(SpecNumber(1), JobId(1), [b""]))
        worker.says(worker.done(job.jid))
        assert master.statuses([job.jid]) == ["error"]

    def test_nothing_more_is_heard_from_it(self) -> None:
        master, _, _, job = a_speaking_job()
        job.says(ask.JobsUnknown([]))
        job.submits()
        assert len(master.registry.jobs) == 1
        assert master.registry.statistics.misbehaved == 1

    def test_a_job_that_asks_for_retries_is_tried_again(self) -> None:
        master = Master()
        (jid,), worker = master.client().submits(retries=1), master.worker()
        worker.says(worker.job(jid).said(b""))
        worker.says(worker.failed(jid))
        assert worker.jids() == [jid, jid]
        assert worker.job(jid).heard(ask.JidsReserved)

    def test_a_client_that_shows_capabilities_is_dismissed(self) -> None:
        master = Master()
        client = master.client()
        client.says(ask.PresentHandles([], []))
        assert master.registry.sessions == {}
