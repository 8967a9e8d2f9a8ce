"""Futures of jobs, without a cloud."""

import concurrent.futures
import sys

import pytest

from picloud.job_futures import FutureThread, JobFuture

PATIENCE = 20


@pytest.fixture
def killed() -> list[str]:
    return []


@pytest.fixture
def future(killed: list[str]) -> JobFuture:
    return JobFuture(lambda: killed.append("killed"))


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
    first, second = JobFuture(lambda: None), JobFuture(lambda: None)
    first.add_done_callback(lambda _: sys.exit(4))
    for future in (first, second):
        thread.put(lambda future=future: future.settle(lambda: 5))
    assert second.result(PATIENCE) == 5
    thread.stop()
