"""Whole lives of a cloud on virtual time, one question each."""

import pytest

from picloud.protocol.client_messages import JobFailed
from picloud.protocol.jobs import JobSpec, JobStatus
from picloud_worker.core.events import Exit
from tests.support.fleet import Fleet
from tests.support.interpreter import Behaviour

SPEC = JobSpec("module.function", "3.11")
SHORT, HOUR = Behaviour(0.001), Behaviour(3600.0)


def test_a_thousand_hours_on_eighty_cores_take_thirteen() -> None:
    fleet = Fleet(thorough=False)
    for _ in range(20):
        fleet.add_worker(4)
    start = fleet.timeline.now
    fleet.open_session().submit(SPEC, [HOUR] * 1000)
    assert fleet.run_until_over(1e6)
    fleet.observer.check()
    assert (fleet.timeline.now - start) / 3600 == pytest.approx(13.0, abs=0.01)


def test_ten_thousand_hours_on_a_hundred_workers_are_simulated() -> None:
    fleet = Fleet(thorough=False)
    for _ in range(100):
        fleet.add_worker(1)
    start = fleet.timeline.now
    fleet.open_session().submit(SPEC, [HOUR] * 10_000)
    assert fleet.run_until_over(1e6)
    fleet.observer.check()
    assert (fleet.timeline.now - start) / 3600 == pytest.approx(100.0, abs=0.1)


def test_short_jobs_keep_far_cores_busy() -> None:
    fleet = Fleet(thorough=False)
    for _ in range(2):
        fleet.add_worker(2, delay=0.005)
    client = fleet.open_session()
    client.submit(SPEC, [SHORT] * 50)
    assert fleet.run_until_over(10.0)
    start = fleet.timeline.now
    client.submit(SPEC, [SHORT] * 4000)
    assert fleet.run_until_over(100.0)
    fleet.observer.check()
    assert fleet.timeline.now - start < 1.3  # 4,000 ms on four cores


def test_a_worker_that_joins_late_takes_over_what_waits_behind_long_jobs() -> None:
    fleet = Fleet()
    fleet.add_worker(1)
    client = fleet.open_session()
    client.submit(SPEC, [SHORT] * 20)
    assert fleet.run_until_over(10.0)
    start = fleet.timeline.now
    client.submit(SPEC, [HOUR] * 8)
    fleet.run(60.0)
    for _ in range(7):
        fleet.add_worker(1)
    assert fleet.run_until_over(1e6)
    assert fleet.timeline.now - start == pytest.approx(3660.0, abs=1.0)


def test_a_job_that_kills_every_interpreter_fails_and_its_neighbours_do_not() -> None:
    fleet = Fleet()
    fleet.add_worker(2)
    client = fleet.open_session()
    client.submit(SPEC, [SHORT] * 100)
    assert fleet.run_until_over(10.0)
    killer = Behaviour(0.001, "exits")
    jids = client.submit(SPEC, [SHORT] * 30 + [killer] + [SHORT] * 30)
    assert fleet.run_until_over(100.0)
    fleet.run(1.0)
    assert [one.jid for one in client.heard if isinstance(one, JobFailed)] == [jids[30]]


def test_a_worker_that_flaps_loses_a_job_four_times_and_then_it_ends() -> None:
    fleet = Fleet()
    client = fleet.open_session()
    (jid,) = client.submit(SPEC, [HOUR])
    for _ in range(4):
        worker = fleet.add_worker(1)
        fleet.run(10.0)
        fleet.cut(worker, master_after=1.0, worker_after=2.0)
        fleet.run(10.0)
    assert [(one.jid, one.status) for one in client.heard if isinstance(one, JobFailed)] == [
        (jid, JobStatus.ERROR)
    ]
    assert fleet.observer.losses[jid] == fleet.observer.starts[jid] == 4


def test_a_job_that_must_start_only_once_ends_with_its_worker() -> None:
    fleet = Fleet()
    client = fleet.open_session()
    worker = fleet.add_worker(1)
    (jid,) = client.submit(JobSpec("module.function", "3.11", restartable=False), [HOUR])
    fleet.run(10.0)
    fleet.cut(worker, master_after=1.0, worker_after=2.0)
    fleet.add_worker(1)
    fleet.run(10.0)
    assert [(one.jid, one.status) for one in client.heard if isinstance(one, JobFailed)] == [
        (jid, JobStatus.ERROR)
    ]


def test_a_worker_that_cannot_start_interpreters_gives_its_jobs_an_outcome() -> None:
    fleet = Fleet()
    fleet.add_worker(2).starts_fail = True
    client = fleet.open_session()
    client.submit(SPEC, [SHORT] * 10)
    assert fleet.run_until_over(10.0)
    fleet.run(1.0)
    assert len([one for one in client.heard if isinstance(one, JobFailed)]) == 10


def test_an_interpreter_that_crashes_between_jobs_costs_no_restartable_job() -> None:
    fleet = Fleet()
    worker = fleet.add_worker(1)
    client = fleet.open_session()
    client.submit(SPEC, [SHORT] * 200)
    for _ in range(10):
        fleet.run(0.06)
        for interpreter in list(worker.interpreters.values()):
            if interpreter.running is None:
                interpreter.die(Exit(None, 9))
    assert fleet.run_until_over(100.0)
    assert [one for one in client.heard if isinstance(one, JobFailed)] == []
