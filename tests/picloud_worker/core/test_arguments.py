"""Attempts that wait for the blobs that their arguments, or their function, name."""

from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.blob_messages import BlobMissing, BlobPiece
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud_worker.core.attempt.states import Unready
from picloud_worker.core.effects import Effect, FetchBlob, StartInterpreter, TakePiece
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.core.events import BlobArrived, BlobMissed, MasterSaid
from picloud_worker.pipe import messages as pipe
from tests.picloud_worker.core.spilling import a_key, naming
from tests.support.builders import Node, a_spec, asked, sent, told


def run(node: Node, jid: int, payload: bytes, *leaders: int, spec: int = 1) -> list[Effect]:
    """The master grants a job with such a payload."""
    follows = [[JobId(each) for each in leaders]] if leaders else None
    number, ids = SpecNumber(spec), [JobId(jid)]
    order = report.RunJobs(number, Fence(1), ids, [payload], 0, None, follows, spilled=True)
    return node.master(order)


def arrives(node: Node, *labels: str) -> list[Effect]:
    return node.hears(*(BlobArrived("ann", a_key(label)) for label in labels))


def misses(node: Node, label: str) -> list[Effect]:
    return node.hears(BlobMissed("ann", a_key(label), "it was deleted"))


def waits(node: Node, jid: int) -> bool:
    return type(node.crew.attempts[JobId(jid)].state) is Unready


def failures(turn: list[Effect]) -> list[tuple[int, str]]:
    return [(one.jid, one.failure.message) for one in told(turn, report.AttemptFailed)]


@pytest.fixture
def node() -> Node:
    """One core that has run a job of spec 1."""
    made = Node()
    made.runs(100)
    made.returns(1, 100)
    return made


def test_it_runs_once_its_blobs_are_here(node: Node) -> None:
    turn = run(node, 1, naming("a", "b", "a"))
    assert asked(turn, FetchBlob) == [FetchBlob("ann", a_key("a")), FetchBlob("ann", a_key("b"))]
    assert waits(node, 1)
    arrives(node, "a")
    assert waits(node, 1)
    (order,) = sent(arrives(node, "b"), pipe.RunAttempts)
    assert order.payloads == [naming("a", "b", "a")]


def test_others_of_its_batch_do_not_wait_for_it(node: Node) -> None:
    ids = [JobId(1), JobId(2)]
    node.master(report.RunJobs(1, Fence(1), ids, [naming("a"), b"small"], spilled=True))  # type: ignore[arg-type]
    assert node.given(1) == [2]
    assert waits(node, 1)


def test_it_runs_at_once_if_they_are_here_already(node: Node) -> None:
    run(node, 1, naming("a"))
    arrives(node, "a")
    node.returns(1, 1)
    turn = run(node, 2, naming("a"))
    assert node.given(1) == [2]
    assert asked(turn, FetchBlob) == []


def test_one_that_was_stopped_meanwhile_does_not_start(node: Node) -> None:
    run(node, 1, naming("a"))
    assert failures(node.stops(1)) == [(1, "the job was killed")]
    arrives(node, "a")
    assert node.given(1) == []


def test_without_a_blob_it_fails_and_says_why(node: Node) -> None:
    run(node, 1, naming("a", "b"))
    run(node, 2, naming("b"))
    assert failures(misses(node, "a")) == [
        (1, "an argument of the job cannot be had: it was deleted")
    ]
    arrives(node, "b")
    assert node.given(1) == [2]


def test_the_failure_is_one_of_serialization(node: Node) -> None:
    run(node, 1, naming("a"))
    (report_,) = told(misses(node, "a"), report.AttemptFailed)
    assert report_.failure.kind is FailureKind.SERIALIZATION
    assert report_.runtime == 0.0


def test_a_function_that_names_blobs_is_waited_for_by_each_of_its_jobs(node: Node) -> None:
    node.master(DefineSpec(SpecNumber(9), a_spec(), naming("code"), "ann"))
    turn = node.master(report.RunJobs(9, Fence(1), [JobId(1), JobId(2)], [b"", b""]))  # type: ignore[arg-type]
    assert asked(turn, FetchBlob) == [FetchBlob("ann", a_key("code"))]
    assert waits(node, 1)
    assert waits(node, 2)
    arrives(node, "code")
    assert node.given(1) == [1]


def test_without_its_function_a_job_fails(node: Node) -> None:
    node.master(DefineSpec(SpecNumber(9), a_spec(), naming("code"), "ann"))
    run(node, 1, b"", spec=9)
    assert failures(misses(node, "code")) == [
        (1, "the function of the job cannot be had: it was deleted")
    ]


@pytest.mark.parametrize("blob_first", [True, False])
def test_a_follower_waits_for_its_blobs_and_for_its_leader(node: Node, blob_first: bool) -> None:
    node.runs(1)
    run(node, 2, naming("a"), 1)
    steps: list[Any] = [lambda: arrives(node, "a"), lambda: node.returns(1, 1)]
    first, second = steps if blob_first else reversed(steps)
    first()
    assert waits(node, 2)
    second()
    assert node.given(1) == [2]


def test_a_follower_that_loses_its_leader_needs_no_blobs_any_more(node: Node) -> None:
    node.runs(1)
    run(node, 2, naming("a"), 1)
    node.dies(1, running=1)
    assert JobId(2) not in node.crew.attempts
    assert node.crew.blobs.needs == {}
    arrives(node, "a")
    assert node.crew.attempts == {}


def test_nothing_is_needed_once_all_jobs_are_over(node: Node) -> None:
    for jid, label in enumerate("abc", 1):
        run(node, jid, naming(label, "shared"))
    arrives(node, "shared", "a")
    node.returns(1, 1)
    misses(node, "b")
    node.stops(3)
    assert (node.crew.blobs.needs, node.crew.blobs.missing) == ({}, {})


def test_one_that_is_given_back_by_a_dying_interpreter_still_has_its_blobs(node: Node) -> None:
    run(node, 1, naming("a"))
    arrives(node, "a")
    turn = node.dies(1)
    assert asked(turn, StartInterpreter) == [StartInterpreter(2, b"", "ann")]
    assert node.given(2) == [1]
    assert asked(turn, FetchBlob) == []


def test_where_the_master_has_the_same_store_all_blobs_are_here() -> None:
    node = Node(shares_store=True)
    node.runs(100)
    node.returns(1, 100)
    turn = run(node, 1, naming("a"))
    assert node.given(1) == [1]
    assert asked(turn, FetchBlob) == []


def test_a_job_with_malformed_arguments_fails_and_disturbs_no_other(node: Node) -> None:
    ids = [JobId(1), JobId(2), JobId(3)]
    payloads = [b"\0\xff", naming("a"), b"small"]
    turn = node.master(report.RunJobs(1, Fence(1), ids, payloads, spilled=True))  # type: ignore[arg-type]
    ((jid, text),) = failures(turn)
    assert jid == 1
    assert text.startswith("an argument of the job cannot be had: ")
    assert node.given(1) == [3]


def test_a_malformed_function_is_not_taken(node: Node) -> None:
    with pytest.raises(UnfitOrderError, match="spec 9 cannot be read"):
        node.master(DefineSpec(SpecNumber(9), a_spec(), b"\0", "ann"))


def test_pieces_go_to_whoever_has_asked_for_them(node: Node) -> None:
    piece, missing = BlobPiece(a_key("a"), 0, b"x", "ann"), BlobMissing(a_key("b"), "ann")
    turn = node.hears(MasterSaid([piece, missing]))
    assert asked(turn, TakePiece) == [TakePiece(piece), TakePiece(missing)]
