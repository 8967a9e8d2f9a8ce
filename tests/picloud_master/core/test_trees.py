"""Trees of users' modules on the master: what is wanted, sent on, and kept."""

from typing import Any

import pytest

from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.tree_messages import (
    DefineTree,
    FilesWanted,
    ForgetTree,
    OfferTree,
    PutFiles,
)
from picloud.protocol.trees import Tree, TreeFile, digest_of, tree_of
from picloud_master.core.effects import DismissClient
from picloud_master.core.policy import Policy
from tests.support.builders import Master, TestClient, a_spec


def a_tree(**files: str) -> Tree:
    """A tree of modules: name and text."""
    return tree_of(
        [
            TreeFile(f"{name}.py", digest_of(text.encode()), text.encode())
            for name, text in files.items()
        ]
    )


def offer(tree: Tree) -> OfferTree:
    paths = [file.path for file in tree.files]
    return OfferTree(tree.digest, paths, [file.digest for file in tree.files])


def contents(tree: Tree) -> PutFiles:
    return PutFiles([file.content for file in tree.files])


def runs(client: TestClient, number: int, tree: Tree) -> list[Any]:
    """What a client says to have a job of a new spec run, after it has sent the tree."""
    spec = DefineSpec(SpecNumber(number), a_spec(), b"code", tree=tree.digest)
    return [spec, SubmitJobs(SpecNumber(number), JobId(client.block + number), [b""])]


ONE = a_tree(one="x = 1", shared="y")
TWO = a_tree(two="x = 2", shared="y")


def test_only_what_is_not_here_is_wanted() -> None:
    master = Master()
    first, second = master.client(), master.client()
    first.says(offer(ONE))
    assert first.heard(FilesWanted) == [FilesWanted(ONE.digest, [0, 1])]
    first.says(contents(ONE))
    second.says(offer(ONE), offer(TWO))
    assert second.heard(FilesWanted) == [
        FilesWanted(ONE.digest, []),
        FilesWanted(TWO.digest, [1]),
    ]


def test_nobody_learns_what_another_owner_has() -> None:
    master = Master()
    ann, bob = master.client("ann"), master.client("bob")
    ann.says(offer(ONE), contents(ONE))
    bob.says(offer(ONE))
    assert bob.heard(FilesWanted) == [FilesWanted(ONE.digest, [0, 1])]


def test_a_worker_gets_each_content_once_and_before_its_first_spec() -> None:
    master = Master()
    client, worker = master.client(), master.worker(4)
    client.says(offer(ONE), contents(ONE), offer(TWO), contents(TWO))
    client.says(*runs(client, 1, ONE), *runs(client, 2, TWO))
    said = [type(one) for one in worker.heard(object)][-8:]
    assert said.index(DefineTree) < said.index(DefineSpec)
    sent = [each for one in worker.heard(PutFiles) for each in one.contents]
    assert sorted(sent) == [b"x = 1", b"x = 2", b"y"]
    assert [one.digest for one in worker.heard(DefineTree)] == [ONE.digest, TWO.digest]
    specs = [one.tree for one in worker.heard(DefineSpec)]
    assert specs == [ONE.digest, TWO.digest]


@pytest.mark.parametrize(
    "said",
    [
        [OfferTree(b"no digest", ["one.py"], [digest_of(b"")])],
        [OfferTree(ONE.digest, ["one.py"], [])],
        [OfferTree(ONE.digest, ["../one.py"], [digest_of(b"")])],
        [OfferTree(ONE.digest, ["one.py", "one.py"], [digest_of(b"")] * 2)],
        [PutFiles([b"never offered"])],
        [DefineSpec(SpecNumber(1), a_spec(), b"code", tree=ONE.digest)],
        [offer(ONE), DefineSpec(SpecNumber(1), a_spec(), b"code", tree=ONE.digest)],
    ],
    ids=["digest", "columns", "path", "twice", "unknown file", "unknown tree", "not whole"],
)
def test_a_client_that_speaks_nonsense_of_trees_is_dismissed(said: list[Any]) -> None:
    turn = Master().client().says(*said)
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


def test_what_no_spec_names_is_kept_until_it_is_too_much() -> None:
    master = Master(Policy(max_unused_files=6))
    client, worker = master.client(), master.worker(1)
    client.says(offer(ONE), contents(ONE), *runs(client, 1, ONE))
    worker.says(worker.done(JobId(client.block + 1)))
    client.says(ForgetSpec(SpecNumber(1)))
    client.says(offer(ONE))
    assert client.heard(FilesWanted)[-1].files == []
    client.says(offer(TWO), contents(TWO), *runs(client, 2, TWO))
    worker.says(worker.done(JobId(client.block + 2)))
    client.says(ForgetSpec(SpecNumber(2)))
    assert worker.heard(ForgetTree) == [ForgetTree(ONE.digest)]
    client.says(offer(ONE))
    assert client.heard(FilesWanted)[-1].files == [0]  # what it shares with the other is here


def test_a_tree_in_use_is_kept_however_much_there_is() -> None:
    master = Master(Policy(max_unused_files=0))
    client = master.client()
    client.says(offer(ONE), contents(ONE), *runs(client, 1, ONE))
    client.says(offer(TWO), contents(TWO), *runs(client, 2, TWO), ForgetSpec(SpecNumber(2)))
    client.says(offer(ONE))
    assert client.heard(FilesWanted)[-1].files == []


def test_jobs_of_a_job_have_its_tree() -> None:
    master = Master()
    client, worker = master.client(), master.worker(2)
    client.says(offer(ONE), contents(ONE), *runs(client, 1, ONE))
    job = worker.job(JobId(client.block + 1)).reserves()
    job.submits(1)
    assert {one.tree for one in worker.heard(DefineSpec)} == {ONE.digest}
