"""Environments on the master: what names mean, who is told, and what is kept."""

from typing import Any

import pytest

from picloud.protocol.client_messages import Accepted, Refused, SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.environment_messages import (
    AskEnvironment,
    CreateEnvironment,
    DefineEnvironment,
    DeleteEnvironment,
    EnvironmentChanged,
    EnvironmentRead,
    EnvironmentsListed,
    ForgetEnvironment,
    ListEnvironments,
)
from picloud.protocol.environments import environment_of
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud.protocol.limits import MAX_ENVIRONMENTS, MAX_LOCK
from picloud_master.core.effects import DismissClient
from picloud_master.core.policy import Policy
from tests.support.builders import Master, TestClient, a_spec

OLD, NEW = environment_of("3.11", "gadget==1"), environment_of("3.11", "gadget==2")
ONE = RequestId(1)


def create(name: str, lock: str = OLD.lock, python: str = "3.11") -> CreateEnvironment:
    return CreateEnvironment(ONE, name, python, lock)


def runs(client: TestClient, number: int, digest: str, count: int = 1) -> list[Any]:
    """What a client says to have jobs of a new spec run in an environment."""
    spec = DefineSpec(SpecNumber(number), a_spec(environment=digest), b"code")
    first = JobId(client.block + 100 * number)
    return [spec, SubmitJobs(SpecNumber(number), first, [b""] * count)]


# ------------------------------------------------------------------ names


def test_a_name_means_what_its_owner_has_said_last() -> None:
    client = Master().client()
    client.says(create("x"), AskEnvironment(ONE, "x"))
    client.says(create("x", NEW.lock), AskEnvironment(ONE, "x"))
    assert client.heard(EnvironmentRead) == [
        EnvironmentRead(ONE, OLD.digest, "3.11", OLD.lock),
        EnvironmentRead(ONE, NEW.digest, "3.11", NEW.lock),
    ]


def test_names_are_listed_in_order_and_deleted() -> None:
    client = Master().client()
    client.says(create("b"), create("a"), ListEnvironments(ONE), DeleteEnvironment(ONE, "b"))
    client.says(ListEnvironments(ONE))
    assert client.heard(EnvironmentsListed) == [
        EnvironmentsListed(ONE, ["a", "b"]),
        EnvironmentsListed(ONE, ["a"]),
    ]
    assert len(client.heard(Accepted)) == 3


def test_nobody_sees_the_names_of_another_owner() -> None:
    master = Master()
    ann, bob = master.client("ann"), master.client("bob")
    ann.says(create("x"))
    bob.says(ListEnvironments(ONE), AskEnvironment(ONE, "x"), DeleteEnvironment(ONE, "x"))
    assert bob.heard(EnvironmentsListed) == [EnvironmentsListed(ONE, [])]
    assert [one.text for one in bob.heard(Refused)] == [
        "there is no environment 'x'; there are none"
    ] * 2


def test_a_name_that_does_not_exist_is_refused_with_those_that_do() -> None:
    client = Master().client()
    client.says(*[create(f"n{number:02}") for number in range(12)], AskEnvironment(ONE, "x"))
    (refused,) = client.heard(Refused)
    assert refused.text.startswith("there is no environment 'x'; there are n00, n01, ")
    assert refused.text.endswith("n09, ...")


def test_all_clients_of_the_owner_hear_of_a_change_and_of_nothing_else() -> None:
    master = Master()
    one, other, stranger = master.client(), master.client(), master.client("bob")
    one.says(create("x"))
    one.says(create("x"))  # it means this already
    one.says(create("x", NEW.lock))
    one.says(DeleteEnvironment(ONE, "x"))
    assert other.heard(EnvironmentChanged) == [EnvironmentChanged("x")] * 3
    assert stranger.heard(EnvironmentChanged) == []


def test_an_owner_has_only_so_many() -> None:
    client = Master().client()
    client.says(*[create(f"n{number}") for number in range(MAX_ENVIRONMENTS)])
    client.says(create("one-more"), create("n1", NEW.lock))
    (refused,) = client.heard(Refused)
    assert "1000 environments already" in refused.text


@pytest.mark.parametrize(
    "said",
    [
        create("a/b"),
        create(""),
        create("x", python="2.7"),
        create("x", lock="a" * (MAX_LOCK + 1)),
        DefineSpec(SpecNumber(1), a_spec(environment=OLD.digest), b"code"),
    ],
    ids=["name", "no name", "python", "lock", "unknown"],
)
def test_a_client_that_speaks_nonsense_of_environments_is_dismissed(said: object) -> None:
    turn = Master().client().says(said)
    assert any(isinstance(effect, DismissClient) for effect in turn.effects)


# ------------------------------------------------------------------ jobs


def test_a_worker_is_told_an_environment_once_before_the_first_spec_that_names_it() -> None:
    master = Master()
    client, worker = master.client(), master.worker(4)
    client.says(create("x"))
    client.says(*runs(client, 1, OLD.digest), *runs(client, 2, OLD.digest))
    said = [type(one) for one in worker.heard(object)]
    assert said.count(DefineEnvironment) == 1
    assert said.index(DefineEnvironment) < said.index(DefineSpec)
    assert worker.heard(DefineEnvironment) == [DefineEnvironment(OLD.digest, "3.11", OLD.lock)]
    assert [one.spec.environment for one in worker.heard(DefineSpec)] == [OLD.digest] * 2


def test_a_job_keeps_what_its_name_meant() -> None:
    master = Master()
    client = master.client()
    client.says(create("x"), *runs(client, 1, OLD.digest))
    client.says(create("x", NEW.lock), DeleteEnvironment(ONE, "x"))
    worker = master.worker()
    assert [one.digest for one in worker.heard(DefineEnvironment)] == [OLD.digest]


def test_what_nothing_needs_is_kept_for_a_while_and_forgotten_by_workers_too() -> None:
    master = Master(Policy(max_unused_environments=1))
    client, worker = master.client(), master.worker()
    client.says(create("x"), *runs(client, 1, OLD.digest))
    worker.says(worker.done(JobId(client.block + 100)))
    client.says(ForgetSpec(SpecNumber(1)), DeleteEnvironment(ONE, "x"))
    assert worker.heard(ForgetEnvironment) == []
    client.says(*runs(client, 2, OLD.digest))  # under way when the name was deleted
    worker.says(worker.done(JobId(client.block + 200)))
    client.says(ForgetSpec(SpecNumber(2)))
    client.says(create("x", NEW.lock), DeleteEnvironment(ONE, "x"))
    assert worker.heard(ForgetEnvironment) == [ForgetEnvironment(OLD.digest)]


def test_one_that_another_owner_has_too_is_not_forgotten() -> None:
    master = Master(Policy(max_unused_environments=0))
    ann, bob, worker = master.client("ann"), master.client("bob"), master.worker()
    for client in (ann, bob):
        client.says(create("x"))
    ann.says(*runs(ann, 1, OLD.digest))
    worker.says(worker.done(JobId(ann.block + 100)))
    ann.says(ForgetSpec(SpecNumber(1)), DeleteEnvironment(ONE, "x"))
    assert worker.heard(ForgetEnvironment) == []
    bob.says(DeleteEnvironment(ONE, "x"))
    assert worker.heard(ForgetEnvironment) == [ForgetEnvironment(OLD.digest)]


def test_jobs_of_a_job_have_its_environment_unless_they_name_another() -> None:
    master = Master()
    client, worker = master.client(), master.worker(4)
    client.says(create("x"), create("y", NEW.lock))
    client.says(*runs(client, 1, OLD.digest))
    job = worker.job(JobId(client.block + 100))
    job.says(*runs(job, 1, ""))
    job.says(*runs(job, 2, NEW.digest))
    told = [one.spec.environment for one in worker.heard(DefineSpec)]
    assert told == [OLD.digest, OLD.digest, NEW.digest]


def test_a_chain_of_jobs_is_granted_ahead_only_in_one_environment() -> None:
    master = Master()
    client, worker = master.client(), master.worker()
    client.says(create("x"))
    client.says(*runs(client, 1, OLD.digest))
    first = JobId(client.block + 100)
    for number, digest in ((2, OLD.digest), (3, "")):
        define, submit = runs(client, number, digest)
        submit.depends_on = [first, first + 1]
        client.says(define, submit)
    assert worker.jids() == [first, JobId(client.block + 200)]
