"""What a job's handle is good for, options, and many threads and event loops at once."""

import asyncio
import concurrent.futures
import copy
import json
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from picloud import errors
from picloud.job import Job, JobMap
from picloud.session import Session
from tests.support.processes import open_gate, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str) -> None:
    with open(gate) as reader:
        reader.read()


def fail(text: str) -> None:
    raise ValueError(text)


# ---------------------------------------------------------------------- a job is an int


def test_a_job_is_its_number(cloud: Session) -> None:
    job = cloud.call(square, 3)
    number = int(job)
    assert type(number) is int
    assert (str(job), f"{job}", repr(job)) == (str(number),) * 3
    assert json.loads(json.dumps({"job": job})) == {"job": number}
    by_job: dict[int, str] = {job: "x"}
    assert by_job[number] == "x"
    assert {number: "x"}[job] == "x"
    assert job == number
    assert cloud.result(number) == 9


def test_a_job_pickles_to_a_handle_of_the_same_job(cloud: Session) -> None:
    job = cloud.call(square, 4)
    again = pickle.loads(pickle.dumps(job))
    assert type(again) is Job
    assert again == job
    assert cloud.result(again) == 16
    assert cloud.result(copy.deepcopy(job)) == 16


def test_a_job_travels_in_arguments_closures_and_results(cloud: Session) -> None:
    job = cloud.call(square, 5)
    echoed, closed = cloud.call(lambda each: [each], job), cloud.call(lambda: job)
    assert cloud.result(echoed) == [job]
    assert cloud.result(closed) == job
    assert cloud.result(cloud.result(closed)) == 25


def test_a_map_of_jobs_is_a_sequence_that_pickles(cloud: Session) -> None:
    jobs = cloud.map(square, range(1_000))
    again = pickle.loads(pickle.dumps(jobs))
    assert isinstance(again, JobMap)
    assert again == jobs
    assert list(jobs[3:6]) == [jobs[3], jobs[4], jobs[5]]
    assert next(iter(jobs[::-1])) == jobs[-1]
    assert jobs[5] in jobs
    assert cloud.result(jobs[990:]) == [x * x for x in range(990, 1_000)]
    assert cloud.result(jobs[-1]) == 999**2
    with pytest.raises(IndexError):
        jobs[1_000]


def test_the_methods_of_a_job_do_what_the_verbs_do(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    until(lambda: f"job {job} has been running" in job.why(), "the job runs")
    assert job.status == "processing"
    with pytest.raises(TimeoutError):
        job.result(0.01)
    assert job.info()["status"] == "processing"
    job.kill()
    with pytest.raises(errors.JobKilled):
        job.result(20)


async def test_a_job_can_be_awaited_any_number_of_times(cloud: Session) -> None:
    job = await cloud.acall(square, 6)
    assert [await job, await job] == [36, 36]
    assert await asyncio.gather(*[await cloud.acall(square, x) for x in range(5)]) == [
        *(0, 1, 4, 9, 16)
    ]
    with pytest.raises(ValueError, match="awaited"):
        await (await cloud.acall(fail, "awaited"))


async def test_a_cancelled_wait_leaves_the_job_alone(cloud: Session, gate: str) -> None:
    job = await cloud.acall(wait_at, gate)
    waiting = asyncio.ensure_future(cloud.aresult(job))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.to_thread(open_gate, gate)
    assert await job is None


def test_a_job_of_another_cloud_is_refused_by_name(cloud: Session) -> None:
    from picloud.local import embedded_session

    job = cloud.call(square, 1)
    with embedded_session(1) as other:
        assert other.call(square, 2) == 1
        with pytest.raises(ValueError, match="another cloud session"):
            other.result(job)
        with pytest.raises(ValueError, match="another cloud session"):
            other.call(lambda each: each.result(), job)
        with pytest.raises(ValueError, match="another cloud session"):
            other.call(lambda: job.result())
        with pytest.raises(ValueError, match="another cloud session"):
            other.map(square, [job])


# ---------------------------------------------------------------------- futures and executor


def test_a_future_of_a_job_is_a_real_one(cloud: Session) -> None:
    futures = [cloud.call(square, x).future() for x in range(20)]
    done, not_done = concurrent.futures.wait(futures, 20)
    assert not not_done
    assert sorted(each.result() for each in done) == [x * x for x in range(20)]
    failed = cloud.call(fail, "in the future").future()
    assert isinstance(failed.exception(20), ValueError)


def test_cancelling_a_future_kills_its_job(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    future = job.future()
    assert future.cancel()
    assert future.cancelled()
    until(lambda: cloud.status(job) == "killed", "the job is killed")


def test_the_executor_is_a_real_executor(cloud: Session) -> None:
    with cloud.executor() as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        assert list(executor.map(square, range(100))) == [x * x for x in range(100)]
        assert list(executor.map(pow, [2, 3], [3, 2], chunksize=2)) == [8, 9]
        futures = [executor.submit(square, x) for x in range(10)]
        results = {each.result() for each in concurrent.futures.as_completed(futures, 20)}
        assert results == {x * x for x in range(10)}
        with pytest.raises(ValueError, match="submitted"):
            executor.submit(fail, "submitted").result(20)
    with pytest.raises(RuntimeError):
        executor.submit(square, 1)
    assert cloud.result(cloud.call(square, 2)) == 4


async def test_a_loop_can_use_the_executor(cloud: Session) -> None:
    loop = asyncio.get_running_loop()
    executor = cloud.executor()
    assert await loop.run_in_executor(executor, square, 8) == 64
    executor.shutdown(wait=False)


# ---------------------------------------------------------------------- options


def test_options_and_underscore_keywords_mean_the_same(cloud: Session) -> None:
    one = cloud.options(type="c2", label="mine", priority=3, timeout=30).call(square, 2)
    two = cloud.call(square, 2, _type="c2", _label="mine", _priority=3, _timeout=30)
    assert cloud.result([one, two]) == [4, 4]
    fields = ["type", "label", "priority", "max_runtime"]
    infos = cloud.info([one, two], fields)
    assert infos[one] == infos[two]
    assert infos[one]["type"] == "c2"
    assert infos[one]["label"] == "mine"
    assert infos[one]["priority"] == 3


def test_options_can_be_kept_and_changed_without_changing(cloud: Session) -> None:
    base = cloud.options(label="base")
    changed = base.options(priority=1)
    jobs = [*base.map(square, [1]), *changed.map(square, [1])]
    cloud.join(jobs)
    infos = cloud.info(jobs, ["label", "priority"])
    assert [infos[job]["label"] for job in jobs] == ["base", "base"]
    assert [infos[job]["priority"] for job in jobs] == [5, 1]


def test_a_job_sees_the_environment_variables_that_it_was_given(cloud: Session) -> None:
    def look() -> Any:
        import os

        return os.environ.get("OF_THE_JOB")

    assert cloud.result(cloud.call(look, _os_env_vars={"OF_THE_JOB": "yes"})) == "yes"
    assert cloud.result(cloud.call(look)) is None


def test_a_lower_priority_number_runs_earlier(cloud: Session, tmp_path: Any, gate: str) -> None:
    def note(path: str, text: str) -> None:
        with open(path, "a") as file:
            file.write(text)

    busy = cloud.call(wait_at, gate, _cores=2)
    until(lambda: cloud.status(busy) == "processing", "all cores are busy")
    path = str(tmp_path / "order")
    jobs = [
        cloud.call(note, path, f"{priority} ", _priority=priority, _cores=2)
        for priority in (7, 5, 2, 9)
    ]
    cloud.status(jobs)  # all have arrived
    open_gate(gate)
    cloud.join(jobs, 20)
    assert (tmp_path / "order").read_text() == "2 5 7 9 "


def test_more_cores_than_there_are_are_refused_at_once_or_told_by_why(cloud: Session) -> None:
    # An embedded cloud knows all that it will ever have; to a served one a larger worker may come.
    with pytest.raises((ValueError, TimeoutError), match="100 cores") as caught:
        cloud.result(cloud.call(square, 1, _cores=100), 0.05)
    if isinstance(caught.value, errors.CloudTimeoutError):
        cloud.kill(caught.value.jid)


# ---------------------------------------------------------------------- threads and loops


def together(count: int, run: Callable[[int], None]) -> None:
    """Run it in as many threads at once; raise what one of them raised."""
    start = threading.Barrier(count)

    def begin(number: int) -> None:
        start.wait()
        run(number)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for each in [pool.submit(begin, number) for number in range(count)]:
            each.result(60)


def test_threads_share_a_session(cloud: Session) -> None:
    def run(number: int) -> None:
        jobs = cloud.map(square, range(number * 1_000, number * 1_000 + 300))
        calls = [cloud.call(square, number + x) for x in range(50)]
        assert cloud.result(jobs) == [x * x for x in range(number * 1_000, number * 1_000 + 300)]
        assert [each.result() for each in calls] == [(number + x) ** 2 for x in range(50)]

    together(8, run)


def test_event_loops_of_several_threads_share_a_session(cloud: Session) -> None:
    async def main(number: int) -> None:
        jobs = [await cloud.acall(square, number + x) for x in range(100)]
        assert await asyncio.gather(*jobs) == [(number + x) ** 2 for x in range(100)]

    together(4, lambda number: asyncio.run(main(number)))


def test_one_thread_may_run_loop_after_loop(cloud: Session) -> None:
    async def main(number: int) -> int:
        answer: int = await (await cloud.acall(square, number))
        return answer

    assert [asyncio.run(main(x)) for x in range(5)] == [0, 1, 4, 9, 16]


def test_many_threads_wait_for_the_same_job(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        waits = [pool.submit(cloud.result, job, 20) for _ in range(10)]
        open_gate(gate)
        assert [each.result(30) for each in waits] == [None] * 10


async def test_a_blocking_verb_in_a_running_loop_names_its_twin(cloud: Session) -> None:
    job = await cloud.acall(square, 2)
    attempts: dict[str, Callable[[], Any]] = {
        "await acall": lambda: cloud.call(square, 1),
        "await amap": lambda: cloud.map(square, [1]),
        "await aresult": lambda: cloud.result(job),
        "await ajoin": lambda: cloud.join(job),
        "airesult": lambda: cloud.iresult(job),
        "aas_completed": lambda: cloud.as_completed(job),
        "await akill": lambda: cloud.kill(job),
        "await job": lambda: job.result(),
    }
    for twin, attempt in attempts.items():
        with pytest.raises(RuntimeError, match=twin.replace("(", r"\(")):
            attempt()
    assert await job == 4
