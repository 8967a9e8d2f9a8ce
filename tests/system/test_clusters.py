"""Workers and masters die; their jobs, and what they leave running, do not get lost."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from picloud import errors
from tests.support.processes import descendants, is_alive, marked, open_gate, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    try:
        made.start_master()
        yield made
    finally:
        made.close()


def wait_at(gate: str, note: str) -> str:
    with open(note, "a") as file:
        file.write("started\n")
    with open(gate) as reader:
        reader.read()
    return "opened"


def starts(note: Path) -> int:
    return note.read_text().count("started") if note.exists() else 0


def test_jobs_of_a_killed_worker_run_on_the_next(served: Served, gate: str, tmp_path: Path) -> None:
    note = tmp_path / "note"
    worker = served.start_worker(1)
    cloud = served.session()
    job = cloud.call(wait_at, gate, str(note))
    until(lambda: starts(note) == 1, "the job runs")
    below = served.kill_worker(worker)
    until(lambda: not any(map(is_alive, below)), "the interpreters of the worker are gone", 3.0)
    until(lambda: cloud.status(job) == "queued", "the job is queued again")
    assert "no worker is connected" in cloud.why(job)
    served.start_worker(1)
    until(lambda: starts(note) == 2, "the job runs again")
    open_gate(gate)
    assert cloud.result(job, 20) == "opened"
    assert cloud.info(job)[job]["attempts"] == 2


def test_a_job_that_is_not_restartable_is_lost_with_its_worker(
    served: Served, gate: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    worker = served.start_worker(1)
    cloud = served.session()
    job = cloud.call(wait_at, gate, str(note), _restartable=False)
    until(lambda: starts(note) == 1, "the job runs")
    served.kill_worker(worker)
    with pytest.raises(errors.WorkerLost) as caught:
        cloud.result(job, 20)
    assert "may have run" in str(caught.value)


def test_many_jobs_survive_the_death_of_a_worker(served: Served) -> None:
    first = served.start_worker(2)
    served.start_worker(2)
    cloud = served.session()
    jobs = cloud.map(lambda x: (__import__("time").sleep(0.002), x)[1], range(1_000))
    next(cloud.iresult(jobs))
    served.kill_worker(first)
    assert cloud.result(jobs, 60) == list(range(1_000))


def test_a_job_behind_a_long_one_moves_to_a_worker_that_joins(
    served: Served, gate: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    served.start_worker(1)
    cloud = served.session()
    cloud.result(cloud.map(abs, range(-1_000, 0)))  # short ones are sent ahead from now on
    cloud.call(wait_at, gate, str(note))
    until(lambda: starts(note) == 1, "the long job runs")
    short = cloud.map(abs, range(-20, 0))
    cloud.status(short)  # they have arrived
    served.start_worker(1)
    assert cloud.result(short, 20) == list(range(20, 0, -1))


def test_a_worker_that_is_told_to_end_gives_its_jobs_back(
    served: Served, gate: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    worker = served.start_worker(1)
    cloud = served.session()
    job = cloud.call(wait_at, gate, str(note))
    until(lambda: starts(note) == 1, "the job runs")
    served.end(worker)
    assert worker.returncode == 0
    served.workers.remove(worker)
    until(lambda: cloud.status(job) == "queued", "the job is queued again")
    assert list(served.place.state.rglob("worker-*")) == []


def test_a_client_of_a_killed_master_is_told_that_the_connection_is_lost(
    served: Served, gate: str, tmp_path: Path
) -> None:
    served.start_worker(1)
    cloud = served.session()
    jobs = cloud.map(wait_at, [gate] * 3, [str(tmp_path / "note")] * 3)
    future = jobs[0].future()
    served.kill_master()
    for wait in (cloud.result, cloud.join, cloud.status, lambda each: next(cloud.iresult(each))):
        with pytest.raises(errors.ConnectionLost):
            wait(jobs)
    with pytest.raises(errors.ConnectionLost):
        cloud.call(abs, 1)
    assert isinstance(future.exception(20), errors.ConnectionLost)


def test_a_worker_finds_a_master_that_was_started_again(
    served: Served, gate: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    worker = served.start_worker(1)
    served.session().call(wait_at, gate, str(note))
    until(lambda: starts(note) == 1, "a job runs")
    below = descendants(worker.pid)
    served.kill_master()
    until(lambda: not any(map(is_alive, below)), "the worker has ended its interpreters")
    served.start_master()
    assert served.session().result(served.session().call(abs, -5), 40) == 5
    assert worker.poll() is None


def test_a_handle_does_not_outlive_its_master(served: Served) -> None:
    with served.session() as cloud:
        job = cloud.call(abs, -7)
    served.kill_master()
    served.start_master()
    served.start_worker(1)
    cloud = served.session()
    loaded = pickle.loads(pickle.dumps(job))
    for use in (cloud.result, cloud.kill, lambda handle: cloud.call(abs, handle)):
        for handle in (job, loaded):
            with pytest.raises(ValueError, match="another cloud session"):
                use(handle)
    other = cloud.call(abs, -8)
    assert other == job
    assert cloud.result(other, 20) == 8


def test_a_cluster_that_is_told_to_end_leaves_nothing(served: Served) -> None:
    served.start_worker(2)
    assert served.session().result(served.session().call(abs, -5), 20) == 5
    served.close()
    assert marked(served.place.mark) == set()
    assert list(served.place.state.rglob("worker-*")) == []
