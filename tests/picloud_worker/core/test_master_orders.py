"""What a worker does at its master's word; most of it is in the tests of the agent."""

import pytest

from picloud.protocol import worker_messages as report
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud.protocol.tree_messages import DefineTree, ForgetTree, PutFiles
from picloud_worker.core.effects import (
    KeepFiles,
    MakeTree,
    RemoveTree,
    SendToInterpreter,
    StartInterpreter,
)
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.pipe.messages import RunAttempts
from tests.support.builders import Node, a_spec, asked


def test_a_tree_is_made_before_an_interpreter_starts_with_it() -> None:
    node = Node()
    turn = node.master(
        PutFiles([b"x"]),
        DefineTree(b"tree", ["a.py"], [b"digest"]),
        DefineSpec(SpecNumber(1), a_spec(), b"code", "ann", tree=b"tree"),
        report.RunJobs(SpecNumber(1), Fence(1), [JobId(1)], [b""]),
    )
    kinds = (KeepFiles, MakeTree, StartInterpreter)
    assert [one for one in turn if isinstance(one, kinds)] == [
        KeepFiles([b"x"]),
        MakeTree(b"tree", ["a.py"], [b"digest"]),
        StartInterpreter(1, b"tree", "ann"),
    ]


def test_functions_of_different_trees_share_no_interpreter() -> None:
    node = Node()
    for number, tree in ((1, b"old"), (2, b"new")):
        node.master(
            DefineTree(tree, [], []),
            DefineSpec(SpecNumber(number), a_spec(), b"code", "ann", tree=tree),
            report.RunJobs(SpecNumber(number), Fence(1), [JobId(number)], [b""]),
        )
        node.returns(number, number)
    started = asked(node.effects, StartInterpreter)
    assert [one.tree for one in started] == [b"old", b"new"]


def test_one_that_was_not_sent_is_no_fit_order() -> None:
    with pytest.raises(UnfitOrderError, match="a tree that was not sent"):
        Node().master(DefineSpec(SpecNumber(1), a_spec(), b"code", "ann", tree=b"tree"))


def test_one_that_is_forgotten_is_removed() -> None:
    node = Node()
    node.master(DefineTree(b"tree", [], []))
    assert asked(node.master(ForgetTree(b"tree")), RemoveTree) == [RemoveTree(b"tree")]


def test_an_order_may_be_more_urgent_than_its_spec() -> None:
    node = Node()
    number = SpecNumber(1)
    ones = [JobId(1), JobId(2)]
    node.master(DefineSpec(number, a_spec(), b"code"))
    node.master(report.RunJobs(number, Fence(1), ones, [b"first", b"usual"]))
    node.master(report.RunJobs(number, Fence(2), [JobId(3)], [b"urgent"], priority=1))
    node.returns(1, 1)
    runs = [one.message for one in asked(node.effects, SendToInterpreter)]
    assert [run.payloads for run in runs if isinstance(run, RunAttempts)][1][0] == b"urgent"
