"""Iterating over results and over jobs that end."""

from collections.abc import Iterator
from typing import Any

import pytest

from picloud import errors
from picloud.job import Job
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


def held(session: Session) -> Job:
    return session.options(label="held").call(double, 1)


def test_results_come_in_the_order_of_the_jobs(session: Session) -> None:
    jobs = session.map(double, range(2500))
    assert list(session.iresult(jobs)) == [2 * n for n in range(2500)]
    assert list(session.iresult([])) == []


def test_a_failed_job_raises_at_its_place_and_iteration_goes_on(session: Session) -> None:
    results: Iterator[Any] = session.iresult(
        [session.call(double, 1), session.call(fail, 7), session.call(double, 3)]
    )
    assert next(results) == 2
    with pytest.raises(ValueError, match="no 7"):
        next(results)
    assert next(results) == 6
    with pytest.raises(StopIteration):
        next(results)


def test_a_timeout_of_one_step_does_not_end_the_iteration(
    master: FakeMaster, session: Session
) -> None:
    results = session.iresult([held(session)], timeout=0.01)
    with pytest.raises(errors.CloudTimeoutError, match="is held"):
        next(results)
    master.release()
    assert list(session.iresult([1], timeout=60)) == [2]
    assert next(results) == 2


def test_iresult_can_give_the_exceptions(session: Session) -> None:
    [error] = session.iresult(session.map(fail, [7]), ignore_errors=True)
    assert isinstance(error, ValueError)


def test_jobs_come_in_the_order_of_their_completion(master: FakeMaster, session: Session) -> None:
    slow = held(session)
    quick = session.map(double, range(3))
    completed = session.as_completed([slow, quick, slow])
    assert [next(completed) for _ in range(3)] == list(quick)
    master.release()
    last = next(completed)
    assert (last, last.result()) == (slow, 2)
    assert list(completed) == []


def test_failed_jobs_complete_too(session: Session) -> None:
    jobs = session.map(fail, [1, 2])
    assert list(session.as_completed(jobs)) == list(jobs)


def test_what_does_not_exist_raises_at_its_place_and_iteration_goes_on(
    master: FakeMaster, session: Session
) -> None:
    slow, quick = held(session), session.call(fail, 1)
    completed = session.as_completed([quick, 999_999, slow, 999_999])
    seen: list[Any] = []
    for _ in range(2):
        try:
            seen.append(next(completed))
        except errors.AccessDenied as error:
            seen.append(error.message)
    assert sorted(seen, key=str) == [quick, "no job 999999 that this session may read"]
    master.release()
    assert list(completed) == [slow]


async def test_so_it_does_in_a_loop(master: FakeMaster) -> None:
    async with master.session() as session:
        job = await session.acall(double, 1)
        await job
        completed = session.aas_completed([999_999, job])
        with pytest.raises(errors.AccessDenied, match="no job 999999 that this session may read"):
            await anext(completed)
        assert [each async for each in completed] == [job]


def test_as_completed_has_one_timeout_for_all(session: Session) -> None:
    job = held(session)
    completed = session.as_completed([session.call(double, 1), job], timeout=0.01)
    with pytest.raises(errors.CloudTimeoutError, match=f"job {job} is held"):
        list(completed)


async def test_the_asynchronous_iterators_do_the_same(master: FakeMaster) -> None:
    async with master.session() as session:
        jobs = await session.amap(double, range(1500))
        assert [each async for each in session.airesult(jobs)] == [2 * n for n in range(1500)]
        assert {each async for each in session.aas_completed(jobs)} == set(jobs)
