"""The executor is one of `concurrent.futures`."""

import asyncio
import concurrent.futures
from typing import Any

import pytest

from picloud import errors
from picloud.job_executor import JobExecutor
from picloud.protocol.client_messages import KillJobs, SubmitJobs
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


def keyword(*, _label: str) -> str:
    return _label


def test_futures_have_results_and_errors(session: Session) -> None:
    with session.executor() as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        futures = [executor.submit(double, n) for n in range(20)]
        assert [future.result() for future in futures] == [2 * n for n in range(20)]
        assert isinstance(executor.submit(fail, 1).exception(), ValueError)


def test_all_keywords_belong_to_the_function(session: Session) -> None:
    assert session.executor().submit(keyword, _label="x").result() == "x"


def test_wrong_arguments_raise_at_once(session: Session) -> None:
    with pytest.raises(TypeError, match="missing 1 required"):
        session.executor().submit(double)


def test_callbacks_run_and_waits_work(session: Session) -> None:
    executor = session.executor()
    futures = [executor.submit(double, n) for n in range(3)]
    seen: list[Any] = []
    futures[0].add_done_callback(lambda future: seen.append(future.result()))
    done, not_done = concurrent.futures.wait(futures)
    assert (len(done), len(not_done)) == (3, 0)
    assert set(concurrent.futures.as_completed(futures)) == set(futures)
    executor.shutdown()
    assert seen == [0]


def test_a_callback_may_use_the_verbs(session: Session) -> None:
    results: list[Any] = []
    future = session.executor().submit(double, 1)
    follow: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def callback(done: concurrent.futures.Future[Any]) -> None:
        results.append(session.result(session.call(double, done.result())))
        follow.set_result(None)

    future.add_done_callback(callback)
    follow.result()
    assert results == [4]


def test_a_cancelled_future_kills_its_job(master: FakeMaster, session: Session) -> None:
    future = session.executor(label="held").submit(double, 1)
    assert future.cancel()
    assert future.cancel()
    assert concurrent.futures.wait([future]).done == {future}
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()
    with pytest.raises(errors.JobKilled):
        session.result(1)


def test_map_gives_results_in_order(session: Session) -> None:
    with session.executor() as executor:
        assert list(executor.map(double, range(100))) == [2 * n for n in range(100)]
        assert list(executor.map(divmod, [7, 9, 11], [2, 4])) == [(3, 1), (2, 1)]
        assert list(executor.map(double, [])) == []


def test_map_sends_chunks(master: FakeMaster, session: Session) -> None:
    with session.executor() as executor:
        assert list(executor.map(double, range(10), chunksize=4)) == [2 * n for n in range(10)]
    assert sum(len(each.payloads) for each in master.told(SubmitJobs)) == 3
    with pytest.raises(ValueError, match="chunksize"):
        session.executor().map(double, [1], chunksize=0)


def test_map_ends_with_the_first_error_and_kills_the_rest(
    master: FakeMaster, session: Session
) -> None:
    results = session.executor().map(fail, [1, 2, 3])
    with pytest.raises(ValueError, match="no 1"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)
    session.status(1)
    assert [jid for each in master.told(KillJobs) for jid in each.jids] == [1, 2, 3]


def test_map_has_one_timeout_for_all_results(session: Session) -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        next(session.executor(label="held").map(double, [1], timeout=0.01))


def test_after_shutdown_nothing_is_taken(session: Session) -> None:
    executor = session.executor()
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(double, 1)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.map(double, [1])


def test_shutdown_waits_or_cancels(master: FakeMaster, session: Session) -> None:
    executor = session.executor(label="held")
    future = executor.submit(double, 1)
    results = executor.map(double, [1, 2])
    executor.shutdown(wait=True, cancel_futures=True)
    assert future.cancelled()
    with pytest.raises(errors.JobKilled):
        next(results)
    waiting = session.executor(label="held")
    kept = waiting.submit(double, 5)
    waiting.shutdown(wait=False)
    master.release()
    assert kept.result() == 10


async def test_a_running_loop_can_use_the_executor(master: FakeMaster) -> None:
    async with master.session() as session:
        loop = asyncio.get_running_loop()
        executor = session.executor()
        results = [loop.run_in_executor(executor, double, n) for n in range(5)]
        assert await asyncio.gather(*results) == [0, 2, 4, 6, 8]


async def test_even_the_first_call_of_a_session_can_come_from_there() -> None:
    session = FakeMaster().session()
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(session.executor(), double, 4) == 8
    await session.aclose()


def test_a_job_is_never_said_to_run_and_can_be_cancelled_all_along(
    master: FakeMaster, session: Session
) -> None:
    future = session.executor(label="held").submit(double, 1)
    assert session.status(1) == "queued"
    assert not future.running()
    assert future.cancel()
    assert "Future.running()` is not tracked" in (JobExecutor.__doc__ or "")


def test_a_callback_that_would_wait_for_ever_at_the_end_of_an_executor_is_told_so(
    master: FakeMaster, session: Session
) -> None:
    heard: concurrent.futures.Future[str] = concurrent.futures.Future()

    def callback(_: object) -> None:
        try:
            with session.executor(label="held") as executor:
                executor.submit(double, 2)
        except RuntimeError as error:
            heard.set_result(str(error))

    session.executor().submit(double, 1).add_done_callback(callback)
    assert "cloud.result(job)" in heard.result(20)
    master.release()
