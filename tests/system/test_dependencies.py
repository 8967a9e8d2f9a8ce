"""Jobs that wait for other jobs before they run, jobs that are tried again, and jobs that end."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.job import Job
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.processes import open_gate, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def fail(text: str) -> None:
    raise ValueError(text)


def stalled(cloud: Session, job: Job) -> str:
    with pytest.raises(errors.JobStalled) as caught:
        cloud.result(job, 20)
    assert (caught.value.jid, caught.value.status) == (job, "stalled")
    assert cloud.status(job) == "stalled"
    return str(caught.value)


# ---------------------------------------------------------------------- dependencies


def test_a_job_waits_until_what_it_depends_on_has_finished(cloud: Session, gate: str) -> None:
    first = cloud.call(wait_at, gate, 3)
    second = cloud.call(lambda job: picloud.result(job) + 1, first, _depends_on=first)
    assert cloud.status(second) == "waiting"
    assert f"depends on job {first}" in cloud.why(second)
    open_gate(gate)
    assert cloud.result(second, 20) == 4
    assert cloud.info(second)[second]["depends_on"] == 1


def test_jobs_maps_and_mixtures_may_be_depended_on(cloud: Session) -> None:
    jobs, job = cloud.map(square, range(50)), cloud.call(square, 2)
    for each in (job, jobs, [jobs, job], {job}, jobs[3:7], (int(job), jobs), iter(jobs), []):
        assert cloud.result(cloud.call(square, 3, _depends_on=each), 20) == 9
    assert cloud.result(cloud.map(square, [1, 2], _depends_on=jobs), 20) == [1, 4]


def test_a_job_may_depend_on_100000_jobs(cloud: Session) -> None:
    jobs = cloud.map(abs, range(100_000))
    assert cloud.result(cloud.call(square, 3, _depends_on=jobs), 60) == 9
    singles = list(jobs)[::2]
    assert cloud.result(cloud.call(square, 4, _depends_on=singles), 60) == 16


def test_a_job_whose_dependency_fails_never_runs(cloud: Session, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    bad = cloud.call(fail, "the first link")
    job = cloud.call(lambda: mark.touch(), _depends_on=bad)
    text = stalled(cloud, job)
    assert f"job {bad}, which it depends on, failed" in text
    assert "the first link" in text
    assert not mark.exists()


def test_stalling_goes_on_along_a_chain_and_names_its_cause(cloud: Session, gate: str) -> None:
    first = cloud.call(wait_at, gate)
    chain = [first]
    for _ in range(300):
        chain.append(cloud.call(square, 1, _depends_on=chain[-1]))
    cloud.kill(first)
    text = stalled(cloud, chain[-1])
    assert f"job {first} was killed" in text
    assert len(text) < 1000
    assert set(cloud.status(chain[1:])) == {"stalled"}


def test_a_job_that_ignores_errors_of_dependencies_runs(cloud: Session, gate: str) -> None:
    killed = cloud.call(wait_at, gate)
    bad = cloud.call(fail, "x")
    never = cloud.call(square, 1, _depends_on=bad)
    job = cloud.call(square, 3, _depends_on=[killed, bad, never], _depends_on_errors="ignore")
    cloud.kill(killed)
    assert cloud.result(job, 20) == 9


def test_a_word_that_means_nothing_is_refused_with_those_that_do(cloud: Session) -> None:
    with pytest.raises(ValueError, match=r"abort.*ignore"):
        cloud.call(square, 1, _depends_on_errors="never")


def test_a_dependency_on_an_unknown_job_is_refused(cloud: Session) -> None:
    with pytest.raises(errors.AccessDenied, match=str(10**12)):
        cloud.call(square, 1, _depends_on=10**12)
    with pytest.raises(errors.AccessDenied, match=str(10**12)):
        cloud.map(square, [1], _depends_on=[cloud.call(square, 1), 10**12])


def test_a_dependency_on_a_deleted_job_is_refused(cloud: Session) -> None:
    jobs = cloud.map(square, range(3))
    cloud.join(jobs)
    cloud.delete(jobs[1])
    for each in (jobs[1], jobs, int(jobs[1])):
        with pytest.raises(errors.AccessDenied, match=str(int(jobs[1]))):
            cloud.call(square, 1, _depends_on=each)
    assert cloud.result(cloud.call(square, 2, _depends_on=[jobs[0], jobs[2]]), 20) == 4


def test_what_is_no_job_is_no_dependency(cloud: Session) -> None:
    for nonsense in ("job", 1.5, [None], object()):
        with pytest.raises((TypeError, ValueError)):
            cloud.call(square, 1, _depends_on=nonsense)


def test_a_waiting_job_is_killed_and_stalls_what_depends_on_it(cloud: Session, gate: str) -> None:
    first = cloud.call(wait_at, gate, 1)
    second = cloud.call(square, 2, _depends_on=first)
    third = cloud.call(square, 3, _depends_on=second)
    cloud.kill(second)
    assert cloud.status(second) == "killed"
    assert f"job {second}, which it depends on, was killed" in stalled(cloud, third)
    open_gate(gate)
    assert cloud.result(first, 20) == 1


def test_a_finished_dependency_may_be_deleted_while_others_are_awaited(
    cloud: Session, gate: str
) -> None:
    done, slow = cloud.call(square, 5), cloud.call(wait_at, gate)
    job = cloud.call(square, 6, _depends_on=[done, slow])
    cloud.join(done)
    cloud.delete(done)
    open_gate(gate)
    assert cloud.result(job, 20) == 36


def test_a_stalled_job_can_be_deleted(cloud: Session) -> None:
    job = cloud.call(square, 1, _depends_on=cloud.call(fail, "x"))
    stalled(cloud, job)
    cloud.delete(job)
    with pytest.raises(errors.AccessDenied):
        cloud.status(job)


def test_killing_everything_kills_what_waits_for_dependencies(cloud: Session, gate: str) -> None:
    first = cloud.call(wait_at, gate)
    waiting = cloud.map(square, range(100), _depends_on=first)
    cloud.kill(picloud.ALL)
    cloud.join([first, waiting], 20, ignore_errors=True)
    assert set(cloud.status(waiting)) <= {"killed", "stalled"}
    assert cloud.result(cloud.call(square, 1), 20) == 1


def test_a_map_of_other_sessions_jobs_may_be_depended_on(served_cloud: Served) -> None:
    one, two = served_cloud.session(), served_cloud.session()
    jobs = one.map(square, range(10))
    job = two.call(lambda all_jobs: sum(picloud.result(all_jobs)), jobs, _depends_on=jobs)
    assert two.result(job, 20) == 285


# ---------------------------------------------------------------------- retries


def count_up(path: str) -> int:
    with open(path, "a") as file:
        file.write("x")
    return Path(path).stat().st_size


def fail_until(path: str, enough: int) -> int:
    times = count_up(path)
    if times < enough:
        raise ValueError(f"attempt {times}")
    return times


def test_a_job_that_fails_is_tried_again_as_often_as_asked(cloud: Session, tmp_path: Path) -> None:
    job = cloud.call(fail_until, str(tmp_path / "tries"), 3, _retries=2)
    assert cloud.result(job, 20) == 3
    assert cloud.info(job, "attempts")[job] == {"attempts": 3}


def test_the_last_failure_counts(cloud: Session, tmp_path: Path) -> None:
    job = cloud.call(fail_until, str(tmp_path / "tries"), 9, _retries=2)
    with pytest.raises(ValueError, match="attempt 3"):
        cloud.result(job, 20)
    assert cloud.info(job)[job]["attempts"] == 3


def test_a_job_without_retries_is_tried_once(cloud: Session, tmp_path: Path) -> None:
    job = cloud.call(fail_until, str(tmp_path / "tries"), 2)
    with pytest.raises(ValueError, match="attempt 1"):
        cloud.result(job, 20)


def test_a_pause_before_a_retry_is_told(cloud: Session, tmp_path: Path) -> None:
    job = cloud.call(fail_until, str(tmp_path / "tries"), 2, _retries=1, _retry_delay=60)
    why = until(lambda: "again" in cloud.why(job) and cloud.why(job), "it has failed once")
    assert "has failed once and is tried again in" in why
    assert cloud.status(job) == "queued"
    with pytest.raises(errors.CloudTimeoutError, match="has failed once"):
        cloud.result(job, 0.05)
    assert "has failed once" in cloud.info(job)[job]["why"]
    dependent = cloud.call(square, 1, _depends_on=job)
    cloud.kill(job)
    assert cloud.status(job) == "killed"
    stalled(cloud, dependent)


def test_a_crash_is_tried_again_too(cloud: Session, tmp_path: Path) -> None:
    def crash_once(path: str) -> int:
        times = count_up(path)
        if times == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return times

    assert cloud.result(cloud.call(crash_once, str(tmp_path / "x"), _retries=1), 20) == 2


def test_dependents_wait_for_the_last_attempt(cloud: Session, tmp_path: Path) -> None:
    job = cloud.call(fail_until, str(tmp_path / "tries"), 3, _retries=5, _retry_delay=0.01)
    assert cloud.result(cloud.call(square, 2, _depends_on=job), 20) == 4


@pytest.mark.parametrize("wrong", [-1, 1.5, "two", None, True])
def test_numbers_of_retries_that_are_none_are_refused(cloud: Session, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="retries"):
        cloud.call(square, 1, _retries=wrong)


# ---------------------------------------------------------------------- poison


def end_the_worker() -> None:
    """Kill the worker's process, two above that of a job; then wait for the end that follows."""
    zygote = os.getppid()
    worker = int(Path(f"/proc/{zygote}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    signal.pause()


def test_a_job_that_kills_its_workers_ends_as_an_error_and_others_go_on(tmp_path: Path) -> None:
    served = Served(tmp_path)
    try:
        served.start_master()
        cloud = served.session()
        job = cloud.call(end_the_worker)
        for _ in range(4):
            worker = served.start_worker(1)
            worker.wait(20)
            served.workers.remove(worker)
        with pytest.raises(errors.WorkerLost, match="4"):
            cloud.result(job, 20)
        assert cloud.status(job) == "error"
        assert cloud.info(job)[job]["attempts"] == 4
        served.start_worker(1)
        assert cloud.result(cloud.call(square, 5), 20) == 25
    finally:
        served.close()


def test_a_job_that_ends_the_process_that_makes_interpreters_harms_only_itself() -> None:
    def end_the_zygote() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

    with embedded_session(1) as session:
        job = session.call(end_the_zygote)
        with pytest.raises(errors.CloudException):
            session.result(job, 20)
        assert session.result(session.call(square, 3), 20) == 9
