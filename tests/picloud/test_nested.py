"""The cloud inside a job, played with threads for jobs and a real master."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

import pytest

import picloud as cloud
from picloud import errors
from picloud.session import Session
from tests.support.thread_worker import ThreadWorker

LEAKED: dict[str, bytes] = {}
ALL_LEAKED = threading.Event()


def meet(other: str) -> Any:
    ALL_LEAKED.wait()
    try:
        return cloud.result(pickle.loads(LEAKED[other]))
    except errors.CloudCycleError:
        return "a cycle"


def double(x: Any) -> Any:
    return x * 2


def fail() -> None:
    raise ValueError("no")


def fib(n: int) -> int:
    if n < 2:
        return n
    a, b = cloud.map(fib, [n - 1, n - 2])
    return int(cloud.result(a) + cloud.result(b))


async def afib(n: int) -> int:
    if n < 2:
        return n
    jobs = await cloud.amap(afib, [n - 1, n - 2])
    a, b = await cloud.aresult(jobs)
    return int(a + b)


def test_a_recursion_finishes_on_one_core(threads: Session, worker: ThreadWorker) -> None:
    assert threads.result(threads.call(fib, 10), timeout=60) == 55
    assert worker.ran == 177
    assert worker.sleeping == 0


def test_so_does_one_that_awaits(threads: Session) -> None:
    assert threads.result(threads.call(afib, 8), timeout=60) == 21


def test_the_verbs_are_those_of_a_client(threads: Session) -> None:
    def every() -> list[Any]:
        job, jobs = cloud.call(double, 1), cloud.map(double, range(3))
        cloud.join([job, jobs])
        seen: list[Any] = [cloud.status(job), cloud.result(jobs), list(cloud.iresult(jobs))]
        seen.append(sorted(cloud.as_completed(jobs)) == list(jobs))
        seen.append(cloud.info(job, "status")[int(job)])
        with pytest.raises(errors.JobError, match="no"):
            cloud.result(cloud.call(fail))
        seen.append(type(cloud.result(cloud.call(fail), ignore_errors=True)).__name__)
        seen.append(cloud.options(label="x").call(double, 4).result())
        cloud.delete(job)
        with pytest.raises(errors.AccessDenied):
            cloud.status(int(job))
        return seen

    assert threads.result(threads.call(every), timeout=30) == [
        "done",
        [0, 2, 4],
        [0, 2, 4],
        True,
        {"status": "done"},
        "ValueError",
        8,
    ]


def test_in_a_loop_the_twins_are_used(threads: Session) -> None:
    async def every() -> list[Any]:
        with pytest.raises(RuntimeError, match="await acall"):
            cloud.call(double, 1)
        job = await cloud.acall(double, 1)
        jobs = await cloud.amap(double, range(3))
        seen: list[Any] = [await job, await cloud.astatus(job)]
        seen.append([each async for each in cloud.airesult(jobs)])
        seen.append(await asyncio.gather(*jobs))
        return seen

    assert threads.result(threads.call(every), timeout=30) == [2, "done", [0, 2, 4], [0, 2, 4]]


def test_a_wait_ends_by_time_and_says_why(threads: Session) -> None:
    def impatient(held: Any) -> str:
        with pytest.raises(errors.CloudTimeoutError) as caught:
            cloud.result(held[0], timeout=0.01)
        return str(caught.value)

    held = threads.call(double, 1, _type="c1", _cores=50)
    assert threads.result(threads.call(impatient, [held]), timeout=30)


def test_so_it_does_in_a_loop(threads: Session) -> None:
    async def impatient(held: Any) -> bool:
        with pytest.raises(errors.CloudTimeoutError):
            await cloud.aresult(held[0], timeout=0.01)
        return True

    held = threads.call(double, 1, _cores=50)
    assert threads.result(threads.call(impatient, [held]), timeout=30)


def test_handles_travel_in_functions_arguments_and_results(threads: Session) -> None:
    def make() -> dict[str, Any]:
        return {"job": cloud.call(double, 3), "jobs": cloud.map(double, [4, 5])[1:]}

    made = threads.result(threads.call(make), timeout=30)
    assert threads.result(made["job"]) == 6
    assert threads.result(made["jobs"]) == [10]

    def use(given: Any) -> list[Any]:
        return [given["job"].result(), *cloud.result(made["jobs"])]

    assert threads.result(threads.call(use, made), timeout=30) == [6, 10]


def test_a_handle_of_a_client_can_be_used_and_given_back(threads: Session) -> None:
    job = threads.call(double, 21)

    def use(handles: Any) -> list[Any]:
        return [cloud.result(handles[0]), handles[0]]

    value, again = threads.result(threads.call(use, [job]), timeout=30)
    assert (value, again) == (42, job)
    assert threads.result(again) == 42


def test_a_leaked_handle_is_presented(threads: Session) -> None:
    leaked = pickle.dumps(threads.call(double, 21))

    def use() -> Any:
        return cloud.result(pickle.loads(leaked))

    assert threads.result(threads.call(use), timeout=30) == 42


def test_a_number_alone_opens_nothing(threads: Session) -> None:
    jid = int(threads.call(double, 21))

    def guess() -> list[str]:
        texts = []
        for number in (jid, jid + 1_000):
            with pytest.raises(errors.AccessDenied) as caught:
                cloud.result(number)
            texts.append(str(caught.value).replace(str(number), "n"))
        return texts

    one, other = threads.result(threads.call(guess), timeout=30)
    assert one == other


def test_of_two_jobs_that_wait_for_each_other_one_is_told(threads: Session) -> None:
    jobs = {name: threads.call(meet, other) for name, other in (("a", "b"), ("b", "a"))}
    LEAKED.update({name: pickle.dumps(job) for name, job in jobs.items()})
    ALL_LEAKED.set()
    assert threads.result(list(jobs.values()), timeout=30) == ["a cycle", "a cycle"]


def test_what_may_not_be_read_has_not_completed(threads: Session) -> None:
    stranger = int(threads.call(double, 1, _cores=50))

    def guess() -> list[str]:
        with pytest.raises(errors.AccessDenied) as caught:
            next(cloud.as_completed([stranger]))
        with pytest.raises(errors.AccessDenied) as expected:
            cloud.result(stranger)
        return [str(caught.value), str(expected.value)]

    async def await_it() -> str:
        with pytest.raises(errors.AccessDenied) as caught:
            await anext(cloud.aas_completed([stranger]))
        return str(caught.value)

    told = threads.result(threads.call(guess), timeout=30)
    assert told == [threads.result(threads.call(await_it), timeout=30)] * 2


def test_dependencies_order_jobs_inside_a_job(threads: Session) -> None:
    def ordered() -> list[Any]:
        first = cloud.map(double, range(5))
        then = cloud.call(double, 7, _depends_on=first)
        last = cloud.call(double, 8, _depends_on=[cloud.call(fail)])
        stalled = cloud.result(last, ignore_errors=True)
        return [cloud.result(then), cloud.status(first), type(stalled).__name__]

    assert threads.result(threads.call(ordered), timeout=30) == [14, ["done"] * 5, "JobStalled"]


def test_a_recursion_without_end_names_who_waited(threads: Session, worker: ThreadWorker) -> None:
    worker.max_sleepers = 5

    def deeper() -> Any:
        return cloud.result(cloud.call(deeper))

    with pytest.raises(errors.JobError, match=r"5 jobs sleep already.*deeper at .*test_nested"):
        threads.result(threads.call(deeper), timeout=30)


def test_one_that_awaits_is_told_too(threads: Session, worker: ThreadWorker) -> None:
    worker.max_sleepers = 5

    async def deeper() -> Any:
        return await (await cloud.acall(deeper))

    with pytest.raises(errors.NestingTooDeep, match="5 jobs sleep already"):
        threads.result(threads.call(deeper), timeout=30)


def test_jobs_of_a_job_may_be_killed_by_it_and_by_the_client(threads: Session) -> None:
    def kill_one() -> list[Any]:
        kept, killed = cloud.map(double, [1, 2], _cores=50)
        cloud.kill(killed)
        return [cloud.status([kept, killed]), kept]

    statuses, kept = threads.result(threads.call(kill_one), timeout=30)
    assert statuses == ["queued", "killed"]
    threads.kill(kept)
    assert threads.status(kept) == "killed"


def test_a_job_that_is_passed_on_keeps_its_grant(threads: Session) -> None:
    def leaf(data: bytes) -> Any:
        return cloud.result(pickle.loads(data))

    def middle(data: bytes) -> Any:
        return cloud.result(cloud.call(leaf, pickle.dumps(pickle.loads(data))))

    leaked = pickle.dumps(threads.map(double, [20, 21])[1:])
    assert threads.result(threads.call(middle, leaked), timeout=30) == [42]


def test_an_unpicklable_argument_is_named_inside_a_job_too(threads: Session) -> None:
    def bad() -> None:
        cloud.call(double, threading.Lock())

    with pytest.raises(errors.SerializationError, match="lock"):
        threads.result(threads.call(bad), timeout=30)


def test_more_jobs_than_one_message_holds_are_submitted_from_a_job(threads: Session) -> None:
    def many() -> int:
        return len(cloud.map(double, range(25_000), _cores=50))

    assert threads.result(threads.call(many), timeout=60) == 25_000
