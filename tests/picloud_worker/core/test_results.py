"""Results that name blobs: said once the master keeps these."""

from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.blob_messages import (
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud_worker.core.attempt.states import Storing
from picloud_worker.core.effects import (
    Effect,
    FetchBlob,
    FetchOutput,
    PinBlobs,
    SendToMaster,
    ServePiece,
    UnpinBlobs,
)
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.core.events import AttemptSpoke, Output, OutputFetched
from picloud_worker.pipe import line
from picloud_worker.pipe import messages as pipe
from tests.picloud_worker.core.spilling import a_key, naming
from tests.picloud_worker.core.talk import a_sleeper
from tests.support.builders import Node, asked, told


def returns(node: Node, results: dict[int, bytes], handles: Any = None) -> list[Effect]:
    """Interpreter 1 reports results, of which some name blobs."""
    sequences = [node.sequences[jid] for jid in results]
    runtimes = [0.5] * len(results)
    return node.says(
        1, pipe.Returned(sequences, list(results.values()), runtimes, handles, spilled=True)
    )


def kept(node: Node, *labels: str) -> list[Effect]:
    return node.master(BlobsKept([a_key(label) for label in labels], "ann"))


def refused(node: Node, label: str, text: str = "it is too much") -> list[Effect]:
    return node.master(BlobsRefused([a_key(label)], text, "ann"))


def keys(*labels: str) -> list[bytes]:
    return [a_key(label) for label in labels]


def said(turn: list[Effect]) -> list[Any]:
    """What a turn tells the master of ends and blobs."""
    messages = [one.message for one in turn if isinstance(one, SendToMaster)]
    kinds = OfferBlobs | WithdrawBlobs | report.AttemptsDone | report.AttemptFailed
    return [one for one in messages if isinstance(one, kinds)]


def done(jid: int, result: bytes, **options: Any) -> report.AttemptsDone:
    return report.AttemptsDone([JobId(jid)], [Fence(1)], [result], [0.5], **options)


def stores(node: Node, jid: int) -> bool:
    attempt = node.crew.attempts.get(JobId(jid))
    return attempt is not None and type(attempt.state) is Storing


@pytest.fixture
def node() -> Node:
    """One core that runs job 1."""
    made = Node()
    made.runs(1)
    return made


def test_its_blobs_are_offered_before_it_is_said(node: Node) -> None:
    assert said(returns(node, {1: naming("a", "b", "a")})) == [OfferBlobs(keys("a", "b"), "ann")]
    assert said(kept(node, "a")) == []
    assert stores(node, 1)
    assert said(kept(node, "b")) == [
        done(1, naming("a", "b", "a"), spilled=True),
        WithdrawBlobs(keys("a", "b"), "ann"),
    ]
    assert node.crew.attempts == {}


def test_they_are_pinned_until_the_master_has_answered(node: Node) -> None:
    turn = returns(node, {1: naming("a")})
    assert turn.index(PinBlobs("ann", keys("a"))) < turn.index(
        SendToMaster(OfferBlobs(keys("a"), "ann"))
    )
    assert asked(kept(node, "a"), UnpinBlobs) == [UnpinBlobs("ann", keys("a"))]


def test_the_interpreter_is_free_meanwhile(node: Node) -> None:
    node.runs(2)
    returns(node, {1: naming("a")})
    assert node.given(1) == [2]
    assert stores(node, 1)


def test_small_results_beside_it_are_said_at_once(node: Node) -> None:
    node.returns(1, 1, runtime=0.001)
    node.runs(2, 3, 4)
    turn = returns(node, {2: b"small", 3: naming("a"), 4: b"other"})
    (small,) = told(turn, report.AttemptsDone)
    assert (small.jids, small.results, small.spilled) == ([2, 4], [b"small", b"other"], False)
    assert stores(node, 3)


def test_the_jobs_that_it_names_are_said_with_it(node: Node) -> None:
    returns(node, {1: naming("a")}, [[7, 8]])
    (end, _) = said(kept(node, "a"))
    assert end == done(1, naming("a"), handles=[[7, 8]], spilled=True)


def test_what_is_refused_fails_and_lets_go_of_the_rest(node: Node) -> None:
    returns(node, {1: naming("a", "b", "c")})
    kept(node, "a")
    refused(node, "b")
    withdrawn, failed = said(kept(node, "c"))
    assert withdrawn == WithdrawBlobs(keys("a", "c"), "ann")
    assert failed.failure.message == "the result cannot be stored: it is too much"
    assert failed.failure.kind is FailureKind.SERIALIZATION
    assert failed.runtime == 0.5
    assert node.crew.attempts == {}


def test_nothing_is_withdrawn_if_nothing_was_kept(node: Node) -> None:
    returns(node, {1: naming("a")})
    turn = refused(node, "a")
    assert told(turn, WithdrawBlobs) == []
    assert asked(turn, UnpinBlobs) == [UnpinBlobs("ann", keys("a"))]


def test_a_malformed_result_fails(node: Node) -> None:
    (failed,) = said(returns(node, {1: b"\0\xff"}))
    assert failed.failure.message.startswith("the result cannot be stored: ")
    assert node.crew.attempts == {}


def test_each_offer_of_a_blob_has_an_answer_of_its_own() -> None:
    node = Node()
    node.learns(0.001)
    node.runs(1, 2)
    returns(node, {1: naming("a"), 2: naming("a")})
    assert [one.jids for one in told(kept(node, "a"), report.AttemptsDone)] == [[1]]
    assert [one.jids for one in told(kept(node, "a"), report.AttemptsDone)] == [[2]]


def test_an_answer_to_nothing_is_unfit(node: Node) -> None:
    with pytest.raises(UnfitOrderError):
        kept(node, "a")


def test_a_stop_changes_nothing_any_more(node: Node) -> None:
    returns(node, {1: naming("a")})
    assert said(node.stops(1)) == []
    assert said(kept(node, "a")) == [
        done(1, naming("a"), spilled=True),
        WithdrawBlobs(keys("a"), "ann"),
    ]


def test_the_end_of_its_interpreter_is_no_concern_of_it(node: Node) -> None:
    returns(node, {1: naming("a")})
    node.dies(1)
    assert [type(one) for one in said(kept(node, "a"))] == [report.AttemptsDone, WithdrawBlobs]


def test_a_sleeper_may_return_one() -> None:
    talk = a_sleeper()
    turn = returns(talk.node, {1: naming("a")})
    assert talk.node.crew.sleepers == 0
    assert [type(one) for one in said(turn)] == [OfferBlobs]
    assert [type(one) for one in said(kept(talk.node, "a"))] == [
        report.AttemptsDone,
        WithdrawBlobs,
    ]


def test_its_output_is_not_looked_for_any_more(node: Node) -> None:
    sequence = node.sequences[1]
    returns(node, {1: naming("a")})
    turn = node.master(report.ReadOutput(JobId(1), Fence(1)))
    assert asked(turn, FetchOutput) == []
    late = node.hears(OutputFetched(1, sequence, Output()))
    assert told([*turn, *late], report.OutputRead) == []


def test_what_it_is_told_or_says_now_is_dropped(node: Node) -> None:
    sequence = node.sequences[1]
    returns(node, {1: naming("a")})
    turn = node.master(report.TellJob(JobId(1), Fence(1), b"frame"))
    turn += node.hears(AttemptSpoke(1, [line.Said(sequence, b"late")]))
    assert said(turn) == []
    assert told(turn, report.JobSaid) == []


# ---------------------------------------------------------------------- followers


def follows(node: Node, jid: int, leader: int) -> None:
    ids, leaders = [JobId(jid)], [[JobId(leader)]]
    node.master(report.RunJobs(SpecNumber(1), Fence(1), ids, [b""], 0, None, leaders))


def test_its_followers_are_led_when_it_is_said(node: Node) -> None:
    follows(node, 2, 1)
    returns(node, {1: naming("a")})
    assert node.given(1) == []
    kept(node, "a")
    assert node.given(1) == [2]


@pytest.mark.parametrize("when", ["before", "after"])
def test_nobody_follows_one_that_was_stopped(when: str) -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    if when == "before":
        node.stops(1)
    returns(node, {1: naming("a")})
    if when == "after":
        node.stops(1)
    returned = told(kept(node, "a"), report.AttemptsReturned)
    assert [one.jids for one in returned] == [[2]]


def test_nobody_follows_one_whose_result_was_refused(node: Node) -> None:
    follows(node, 2, 1)
    returns(node, {1: naming("a")})
    assert [one.jids for one in told(refused(node, "a"), report.AttemptsReturned)] == [[2]]


# ---------------------------------------------------------------------- the store


def test_what_was_made_here_is_here_for_the_next_job(node: Node) -> None:
    returns(node, {1: naming("a")})
    kept(node, "a")
    ids = [JobId(2)]
    turn = node.master(report.RunJobs(SpecNumber(1), Fence(1), ids, [naming("a")], spilled=True))
    assert asked(turn, FetchBlob) == []
    assert node.given(1) == [2]


def test_a_store_that_the_master_shares_is_its_own_business() -> None:
    node = Node(shares_store=True)
    node.runs(1)
    returns(node, {1: naming("a")})
    kept(node, "a")
    assert not node.crew.blobs.is_here(("ann", a_key("a")))


def test_the_master_is_served_what_it_asks_for(node: Node) -> None:
    question = ReadBlob(a_key("a"), 0, 100, "ann")
    assert asked(node.master(question), ServePiece) == [ServePiece(question)]
