"""Attempts that wait until their environment is built, and what becomes of them."""

from typing import Any

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.environment_messages import (
    DefineEnvironment,
    EnvironmentsBuilding,
    ForgetEnvironment,
)
from picloud.protocol.environments import environment_of
from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud.protocol.payloads import key_of, spilled
from picloud_worker.core.effects import BuildEnvironment, ReleaseEnvironment, StartInterpreter
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.core.events import BlobArrived, BuildEnded
from picloud_worker.core.settings import BUILD_PAUSE
from tests.support.builders import Node, a_spec, asked, told

ENVIRONMENT = environment_of("3.11", "gadget==1")
DIGEST = ENVIRONMENT.digest
DEFINED = DefineEnvironment(DIGEST, "3.11", ENVIRONMENT.lock)


def a_node(cores: int = 2) -> Node:
    """One that knows the environment."""
    node = Node(cores)
    node.master(DEFINED)
    return node


def failures(turn: list[Any]) -> list[tuple[int, FailureKind, str]]:
    return [(one.jid, one.failure.kind, one.failure.message) for one in ended(turn)]


def ended(turn: list[Any]) -> list[report.AttemptFailed]:
    return told(turn, report.AttemptFailed)


def test_the_first_attempt_starts_the_build_and_all_wait_for_it() -> None:
    node = a_node()
    assert asked(node.effects, BuildEnvironment) == []
    turn = node.runs(1, environment=DIGEST)
    assert asked(turn, BuildEnvironment) == [BuildEnvironment(ENVIRONMENT)]
    turn = node.runs(2, environment=DIGEST)
    assert asked(turn, BuildEnvironment) == []
    assert asked(node.effects, StartInterpreter) == []
    turn = node.hears(BuildEnded(DIGEST))
    started = asked(turn, StartInterpreter)
    assert [one.environment for one in started] == [DIGEST, DIGEST]
    assert sorted(node.given(1) + node.given(2)) == [1, 2]


def test_what_comes_after_the_build_does_not_wait() -> None:
    node = a_node()
    node.runs(1, environment=DIGEST)
    node.hears(BuildEnded(DIGEST))
    node.returns(1, 1)
    node.runs(2, environment=DIGEST)
    assert node.given(1) == [2]


def test_others_go_on_meanwhile() -> None:
    node = a_node(1)
    node.runs(1, environment=DIGEST)
    turn = node.runs(2)
    assert [one.environment for one in asked(turn, StartInterpreter)] == [""]
    assert node.given(1) == [2]


def test_the_master_is_asked_for_more_while_attempts_wait_for_a_build() -> None:
    node = a_node(1)
    turn = node.runs(1, environment=DIGEST)
    assert told(turn, report.SetWindow) == [report.SetWindow(2)]
    turn = node.hears(BuildEnded(DIGEST))
    assert told(turn, report.SetWindow) == [report.SetWindow(1)]


def test_a_failed_build_is_the_end_of_those_that_wait_for_it() -> None:
    node = a_node()
    node.runs(1, 2, environment=DIGEST)
    turn = node.hears(BuildEnded(DIGEST, "no such package"))
    expected = [(jid, FailureKind.ENVIRONMENT, "no such package") for jid in (1, 2)]
    assert failures(turn) == expected
    assert node.crew.attempts == {}


def test_and_of_those_that_come_soon_after_until_it_is_tried_again() -> None:
    node = a_node()
    node.runs(1, environment=DIGEST)
    node.hears(BuildEnded(DIGEST, "no such package"))
    turn = node.runs(2, environment=DIGEST)
    assert failures(turn) == [(2, FailureKind.ENVIRONMENT, "no such package")]
    assert asked(turn, BuildEnvironment) == []
    node.now += BUILD_PAUSE
    turn = node.runs(3, environment=DIGEST)
    assert asked(turn, BuildEnvironment) == [BuildEnvironment(ENVIRONMENT)]
    node.hears(BuildEnded(DIGEST))
    assert node.given(1) == [3]


def test_the_master_knows_what_is_being_built() -> None:
    node = a_node()
    turn = node.runs(1, environment=DIGEST)
    assert told(turn, EnvironmentsBuilding) == [EnvironmentsBuilding([DIGEST])]
    turn = node.hears(BuildEnded(DIGEST))
    assert told(turn, EnvironmentsBuilding) == [EnvironmentsBuilding([])]
    turn = node.runs(2, environment=DIGEST)
    assert told(turn, EnvironmentsBuilding) == []


def test_one_that_is_stopped_while_it_waits_is_over() -> None:
    node = a_node()
    node.runs(1, 2, environment=DIGEST)
    turn = node.stops(1)
    assert [one.failure.kind for one in ended(turn)] == [FailureKind.KILLED]
    node.hears(BuildEnded(DIGEST))
    assert node.given(1) == [2]


def test_those_that_wait_are_the_first_to_be_given_back() -> None:
    node = a_node(1)
    node.runs(1, environment=DIGEST)
    node.runs(2, 3)
    turn = node.master(report.TakeBack(1))
    assert [one.jids for one in told(turn, report.AttemptsReturned)] == [[1]]
    node.hears(BuildEnded(DIGEST))
    assert node.given(1) == [2]


def test_interpreters_of_different_environments_are_different() -> None:
    node = a_node(1)
    node.runs(1)
    node.returns(1, 1)
    node.runs(2, environment=DIGEST)
    turn = node.hears(BuildEnded(DIGEST))
    assert [one.environment for one in asked(turn, StartInterpreter)] == [DIGEST]


def test_one_that_was_not_sent_is_no_fit_order() -> None:
    spec = DefineSpec(SpecNumber(1), a_spec(environment=DIGEST), b"code", "ann")
    with pytest.raises(UnfitOrderError, match="an environment that was not sent"):
        Node().master(spec)


def test_one_that_is_forgotten_is_released_and_the_end_of_its_build_is_late() -> None:
    node = a_node()
    node.runs(1, environment=DIGEST)
    node.stops(1)
    turn = node.master(ForgetEnvironment(DIGEST))
    assert asked(turn, ReleaseEnvironment) == [ReleaseEnvironment(DIGEST)]
    assert told(turn, EnvironmentsBuilding) == [EnvironmentsBuilding([])]
    assert node.master(ForgetEnvironment(DIGEST)) == []
    assert node.hears(BuildEnded(DIGEST)) == []


def test_one_that_is_forgotten_and_comes_again_is_built_again() -> None:
    node = a_node()
    node.runs(1, environment=DIGEST)
    node.stops(1)
    node.master(ForgetEnvironment(DIGEST), DEFINED)
    assert node.hears(BuildEnded(DIGEST)) == []  # of the build before
    run = report.RunJobs(SpecNumber(1), Fence(1), [JobId(2)], [b""])
    turn = node.master(run)
    assert asked(turn, BuildEnvironment) == [BuildEnvironment(ENVIRONMENT)]


@pytest.mark.parametrize("build_first", [True, False])
def test_one_that_lacks_a_blob_too_waits_for_both(build_first: bool) -> None:
    node, key = a_node(), key_of(bytes(16), 5)
    spec = DefineSpec(SpecNumber(1), a_spec(environment=DIGEST), b"code", "ann")
    payload = spilled(b"", [key])
    node.master(spec, report.RunJobs(SpecNumber(1), Fence(1), [JobId(1)], [payload], spilled=True))
    ends = [BuildEnded(DIGEST), BlobArrived("ann", key)]
    for event in ends if build_first else reversed(ends):
        assert node.crew.interpreters == {}
        node.hears(event)
    assert node.given(1) == [1]


def test_a_follower_waits_for_its_leader_and_for_the_build() -> None:
    node = a_node()
    node.runs(1)
    node.runs(environment=DIGEST)
    follower = report.RunJobs(SpecNumber(2), Fence(1), [JobId(2)], [b""], leaders=[[JobId(1)]])
    turn = node.master(follower)
    assert asked(turn, BuildEnvironment) == [BuildEnvironment(ENVIRONMENT)]
    node.hears(BuildEnded(DIGEST))
    assert list(node.crew.interpreters) == [1]
    node.returns(1, 1)
    assert node.given(2) == [2]
