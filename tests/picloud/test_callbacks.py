"""Functions that are called at the end of jobs."""

import functools
import logging
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest

from picloud.job import Job
from picloud.protocol.client_messages import AskStatus
from picloud.protocol.definitions import DefineSpec
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def fail() -> None:
    raise ValueError("no")


class Calls:
    """What a callback was called with, in order."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()

    def __call__(self, job: Any) -> None:
        self._queue.put(job)

    def next(self, count: int = 1) -> list[Any]:
        """Wait for so many."""
        return [self._queue.get(timeout=10) for _ in range(count)]

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_a_callback_gets_the_handle_of_the_job_that_is_done(session: Session, calls: Calls) -> None:
    job = session.call(double, 4, _callback=calls)
    [called] = calls.next()
    assert (type(called), called) == (Job, job)
    assert called.result() == 8


def test_one_for_errors_hears_of_what_ended_otherwise(session: Session, calls: Calls) -> None:
    good = Calls()
    failing = session.call(fail, _callback=good, _callback_on_error=calls)
    killed = session.call(double, 1, _label="held", _callback=good, _callback_on_error=calls)
    session.kill(killed)
    assert calls.next(2) == [failing, killed]
    last = session.call(double, 1, _callback=good, _callback_on_error=calls)
    assert good.next() == [last]
    assert good.is_empty
    assert calls.is_empty


def test_a_map_calls_back_for_each_job(session: Session, calls: Calls) -> None:
    jobs = session.map(double, range(2_500), _callback=calls)
    assert sorted(calls.next(2_500)) == list(jobs)


def test_an_executor_does_too(session: Session, calls: Calls) -> None:
    future = session.executor(callback=calls).submit(double, 3)
    assert future.result(10) == 6
    assert len(calls.next()) == 1


def test_several_are_called_and_those_without_a_parameter_bare(
    session: Session, calls: Calls
) -> None:
    bare: Callable[[], None] = lambda: calls("bare")  # noqa: E731
    job = session.call(double, 1, _callback=[bare, calls])
    assert calls.next(2) == ["bare", job]


def test_one_that_fails_is_reported_and_harms_nothing(
    session: Session, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(job: Any) -> None:
        raise SystemExit("oops")

    with caplog.at_level(logging.ERROR, "picloud"):
        job = session.call(double, 1, _callback=[broken, calls])
        assert calls.next() == [job]
    assert "broken has failed for job 1" in caplog.text
    assert "SystemExit: oops" in caplog.text
    assert session.result(job) == 2


def test_they_may_use_the_cloud_and_wait(session: Session, calls: Calls) -> None:
    def go_on(job: Job) -> None:
        future = session.call(double, job.result()).future()
        calls(future.result(10))

    session.call(double, 1, _callback=go_on)
    assert calls.next() == [4]


def test_they_run_in_a_daemon_thread_of_the_session(session: Session, calls: Calls) -> None:
    session.call(double, 1, _callback=lambda: calls(threading.current_thread()))
    [thread] = calls.next()
    assert (thread.name, thread.daemon) == ("picloud callbacks", True)


def test_they_are_no_part_of_a_function_s_definition_and_poll_for_nothing(
    session: Session, master: FakeMaster, calls: Calls
) -> None:
    session.call(double, 1, _callback=calls)
    session.call(double, 1, _callback=lambda job: calls(job))
    calls.next(2)
    assert len(master.told(DefineSpec)) == 1
    assert master.told(AskStatus) == []


async def notify(job: Job) -> None:
    """A callback that nobody would await."""


class Notifier:
    async def __call__(self, job: Job) -> None:
        """The same as an object."""


@pytest.mark.parametrize("callback", [notify, Notifier(), Notifier().__call__, partial(notify)])
def test_one_that_nobody_would_await_is_refused(
    session: Session, master: FakeMaster, callback: Any
) -> None:
    with pytest.raises(TypeError, match=r"plain function, not an `async def`.*asyncio\.run"):
        session.call(double, 1, _callback=callback)
    with pytest.raises(TypeError, match="callback_on_error is a plain function"):
        session.map(double, [1], _callback_on_error=[print, callback])
    assert master.received == []


def test_those_that_are_due_are_called_before_the_session_has_closed(master: FakeMaster) -> None:
    seen: list[Any] = []
    with master.session() as session:
        jobs = session.map(double, range(500), _callback=lambda job: seen.append(job.result()))
        session.join(jobs)
    assert sorted(seen) == [2 * x for x in range(500)]


async def test_so_they_are_in_a_loop(master: FakeMaster) -> None:
    seen: list[Any] = []
    async with master.session() as session:
        jobs = await session.amap(double, [1, 2], _callback=lambda job: seen.append(job.status))
        await session.ajoin(jobs)
    assert seen == ["done", "done"]


def test_one_that_does_not_end_is_reported_and_left(
    master: FakeMaster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picloud.callback_thread.CALLBACK_TIME", 0.02)
    end = threading.Event()
    threads: list[threading.Thread] = []

    def stay(job: Job) -> None:
        threads.append(threading.current_thread())
        end.wait()

    with master.session() as session:
        session.join(session.map(double, range(3), _callback=stay))
    assert threads[0].is_alive()
    assert "one has begun, 2 more were due" in caplog.text
    end.set()
    threads[0].join(10)
    assert len(threads) == 1


def test_one_may_close_the_session(master: FakeMaster, calls: Calls) -> None:
    session = master.session()
    session.call(double, 1, _callback=[lambda: calls(session.close()), calls])
    assert calls.next()[0] is True
    assert session.is_lost
    assert session.close() is False


def test_a_wrapped_callback_is_called_as_its_wrapper_is(session: Session, calls: Calls) -> None:
    def injected(config: str, log: str) -> None:
        calls((config, log))

    @functools.wraps(injected)
    def wrapper(*_: Any) -> None:
        injected("config", "log")

    session.call(double, 1, _callback=wrapper)
    assert calls.next()[0] == ("config", "log")


def test_a_callback_that_takes_nothing_is_called_so_behind_a_wrapper_that_takes_all(
    session: Session, calls: Calls
) -> None:
    def bare() -> None:
        calls("bare")

    @functools.wraps(bare)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        bare(*args, **kwargs)

    session.call(double, 1, _callback=wrapper)
    assert calls.next() == ["bare"]


def test_what_cannot_be_called_is_refused(session: Session, master: FakeMaster) -> None:
    with pytest.raises(TypeError, match="callback is a function or a list"):
        session.call(double, 1, _callback=3)
    with pytest.raises(TypeError, match="callback_on_error is a function"):
        session.options(callback_on_error=["x"])
    with pytest.raises(TypeError, match="callback is called with the job, or with nothing"):
        session.call(double, 1, _callback=divmod)
    assert master.received == []
