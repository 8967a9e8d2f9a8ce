"""What a job is told with its lease: the outcomes of what it depends on."""

from typing import Any

from picloud.protocol import limits
from picloud.protocol.client_messages import JobFailed, JobsDone, SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.jobs import JobStatus
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import RunJobs
from picloud_master.core.effects import SendToWorker
from picloud_master.core.job.states import Following
from picloud_master.core.kernel import Turn
from tests.support.builders import Master, TestWorker, a_spec

SPEC, ONCE = SpecNumber(5), SpecNumber(6)


class Pair:
    """A job, and another one that depends on it, and follows nothing: it may start only once."""

    def __init__(self, *, ignore_errors: bool = False) -> None:
        self.master = Master()
        client = self.master.client()
        self.first = JobId(client.block)
        self.second = JobId(client.block + 1)
        client.says(
            DefineSpec(SPEC, a_spec(), b"code"),
            DefineSpec(ONCE, a_spec(restartable=False), b"code"),
            SubmitJobs(SPEC, self.first, [b""]),
            SubmitJobs(
                ONCE,
                self.second,
                [b""],
                depends_on=[self.first, self.first + 1],
                ignore_errors=ignore_errors,
            ),
        )
        self.worker: TestWorker = self.master.worker(1)


def started(turn: Turn) -> tuple[SendToWorker, RunJobs]:
    """The order that a turn gives."""
    (effect,) = [
        one
        for one in turn.effects
        if isinstance(one, SendToWorker) and isinstance(one.message, RunJobs)
    ]
    return effect, effect.message


def told(order: RunJobs) -> list[Any]:
    assert order.inputs is not None
    (frame,) = order.inputs
    return WIRE.decode(frame)


def test_the_result_of_a_dependency_goes_along_with_the_lease() -> None:
    pair = Pair()
    _, order = started(pair.worker.says(pair.worker.done(pair.first, result=b"one")))
    assert order.jids == [pair.second]
    assert told(order) == [JobsDone([pair.first], [b"one"])]


def test_it_waits_for_the_commit_as_all_that_is_told_does() -> None:
    pair = Pair()
    effect, _ = started(pair.worker.says(pair.worker.done(pair.first)))
    assert effect.after_commit


def test_a_failure_that_does_not_matter_goes_along_too() -> None:
    pair = Pair(ignore_errors=True)
    _, order = started(pair.worker.says(pair.worker.failed(pair.first)))
    nothing_done, failure = told(order)
    assert nothing_done == JobsDone([], [])
    assert isinstance(failure, JobFailed)
    assert (failure.jid, failure.status) == (pair.first, JobStatus.ERROR)


def test_results_over_the_limit_do_not_go_along_and_can_be_asked_for() -> None:
    pair = Pair()
    large = b"x" * (limits.INPUT + 1)
    _, order = started(pair.worker.says(pair.worker.done(pair.first, result=large)))
    assert order.inputs == [b""]
    job = pair.worker.job(pair.second)
    job.watches([pair.first])
    assert job.heard(JobsDone) == [JobsDone([pair.first], [large])]


def test_what_goes_along_counts_as_read_so_the_job_holds_what_it_names() -> None:
    master = Master()
    client = master.client()
    (named,) = client.submits(1)
    (first,) = client.submits(1, handles=[named, named + 1])
    (second,) = client.submits_each([], depends_on=[first, first + 1])
    worker = master.worker(2)
    worker.says(worker.done_with(first, [named, named + 1]))
    held = master.job(second).holds
    assert held is not None
    assert named in held


def test_what_a_job_follows_counts_as_read_once_it_has_returned() -> None:
    master = Master()
    client = master.client()
    (named,) = client.submits(1)
    worker = master.worker(2)
    (first,) = client.submits(1, handles=[named, named + 1])
    (second,) = client.submits_each([], depends_on=[first, first + 1])
    assert isinstance(master.job(second).state, Following)
    held = master.job(second).holds
    assert held is not None
    assert named not in held
    worker.says(worker.done_with(first, [named, named + 1]))
    assert named in held


def test_a_follower_is_told_what_had_returned_before() -> None:
    master = Master()
    client = master.client()
    worker = master.worker(2)
    before, leader = client.submits(2)
    worker.says(worker.done(before, result=b"one"))
    (follower,) = client.submits_each([], depends_on=[before, leader + 1])
    order = worker.heard(RunJobs)[-1]
    assert (order.jids, order.leaders) == ([follower], [[leader]])
    assert told(order) == [JobsDone([before], [b"one"])]


def test_a_job_without_dependencies_is_sent_without_inputs() -> None:
    pair = Pair()
    assert [order.inputs for order in pair.worker.heard(RunJobs)] == [None]
