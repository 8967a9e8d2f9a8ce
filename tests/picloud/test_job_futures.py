"""Futures of jobs, without a cloud."""

import concurrent.futures
import queue
import sys

import pytest

from picloud.job_futures import FutureThread, JobFuture

PATIENCE = 20


@pytest.fixture
def killed() -> list[str]:
    return []


@pytest.fixture
def future(killed: list[str]) -> JobFuture:
    return JobFuture(lambda: killed.append("killed"), lambda: False)


def a_future_of(thread: FutureThread) -> JobFuture:
    return JobFuture(lambda: None, thread.is_current)


def test_a_callback_may_cancel_the_future_whose_cancelling_it_hears_of(
    future: JobFuture, killed: list[str]
) -> None:
    heard: list[bool] = []
    future.add_done_callback(lambda one: heard.append(one.cancel()))
    assert future.cancel()
    assert (heard, killed) == ([True], ["killed"])


def test_a_job_is_killed_whatever_a_callback_raises(future: JobFuture, killed: list[str]) -> None:
    future.add_done_callback(lambda _: sys.exit(4))
    with pytest.raises(SystemExit):
        future.cancel()
    assert killed == ["killed"]
    assert concurrent.futures.wait([future], PATIENCE).done == {future}


def test_what_a_callback_raises_does_not_end_the_thread_of_futures() -> None:
    thread = FutureThread()
    first, second = a_future_of(thread), a_future_of(thread)
    first.add_done_callback(lambda _: sys.exit(4))
    for future in (first, second):
        thread.put(lambda future=future: future.settle(lambda: 5))
    assert second.result(PATIENCE) == 5
    thread.stop()


@pytest.mark.parametrize("wait", ["result", "exception"])
def test_a_callback_that_would_wait_for_ever_for_another_future_is_told_so(wait: str) -> None:
    thread = FutureThread()
    first, second = a_future_of(thread), a_future_of(thread)
    heard: queue.SimpleQueue[Exception] = queue.SimpleQueue()

    def callback(_: object) -> None:
        try:
            getattr(second, wait)()
        except RuntimeError as error:
            heard.put(error)

    first.add_done_callback(callback)
    thread.put(lambda: first.settle(lambda: 5))
    assert "cloud.result(job)" in str(heard.get(timeout=PATIENCE))
    thread.put(lambda: second.settle(lambda: 6))
    assert second.result(PATIENCE) == 6
    thread.stop()


def test_a_callback_may_read_a_future_that_is_settled_and_look_at_one_that_is_not() -> None:
    thread = FutureThread()
    first, second, third = (a_future_of(thread) for _ in range(3))
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()

    def callback(_: object) -> None:
        heard.put(second.result())
        try:
            third.result(0)
        except TimeoutError:
            heard.put("not yet")

    first.add_done_callback(callback)
    thread.put(lambda: second.settle(lambda: 5))
    thread.put(lambda: first.settle(lambda: 6))
    assert [heard.get(timeout=PATIENCE), heard.get(timeout=PATIENCE)] == [5, "not yet"]
    thread.stop()
