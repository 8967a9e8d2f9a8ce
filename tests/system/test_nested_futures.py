"""Futures, executors and callbacks inside a job."""

import asyncio
import concurrent.futures
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud.callback_thread import CALLBACK_TIME
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.processes import open_gate

cloudpickle.register_pickle_by_value(sys.modules[__name__])

PATIENCE = 20


@pytest.fixture(scope="module")
def small() -> Iterator[Session]:
    """A cloud with one slot: a job that kept its own would hang."""
    with embedded_session(1) as session:
        yield session


def square(x: int) -> int:
    return x * x


def fail(text: str) -> None:
    raise ValueError(text)


def wait_at(gate: str) -> str:
    with open(gate) as reader:
        return reader.read()


def test_a_job_has_real_futures_on_one_slot(small: Session) -> None:
    def job() -> tuple[Any, ...]:
        futures = [picloud.call(square, x).future() for x in range(20)]
        done, not_done = concurrent.futures.wait(futures, PATIENCE)
        first = picloud.call(square, 30).future().result(PATIENCE)
        failed = picloud.call(fail, "in the future").future().exception(PATIENCE)
        return sorted(each.result() for each in done), len(not_done), first, repr(failed)

    squares, missing, first, failed = small.result(small.call(job), PATIENCE)
    assert (squares, missing, first) == ([x * x for x in range(20)], 0, 900)
    assert "in the future" in failed


def test_the_executor_of_a_job_is_a_real_one_on_one_slot(small: Session) -> None:
    def job() -> list[Any]:
        with picloud.executor() as executor:
            found: list[Any] = [list(executor.map(square, range(10)))]
            found.append(list(executor.map(pow, [2, 3], [3, 2], chunksize=2)))
            futures = [executor.submit(square, x) for x in range(5)]
            found.append(sorted(e.result() for e in concurrent.futures.as_completed(futures)))
        return found

    found = small.result(small.call(job), PATIENCE)
    assert found == [[x * x for x in range(10)], [8, 9], [0, 1, 4, 9, 16]]


def test_a_loop_in_a_job_can_use_the_executor(small: Session) -> None:
    async def job() -> list[int]:
        loop = asyncio.get_running_loop()
        executor = picloud.executor()
        calls = [loop.run_in_executor(executor, square, x) for x in range(5)]
        wrapped = asyncio.wrap_future((await picloud.acall(square, 9)).future())
        return [*await asyncio.gather(*calls), await wrapped]

    assert small.result(small.call(job), PATIENCE) == [0, 1, 4, 9, 16, 81]


def test_futures_nest(small: Session) -> None:
    def fib(n: int) -> int:
        if n < 2:
            return n
        one, two = (picloud.call(fib, each).future() for each in (n - 1, n - 2))
        return int(one.result() + two.result())

    assert small.result(small.call(fib, 6), PATIENCE) == 8


def test_a_job_can_have_the_future_of_a_job_that_it_was_given(small: Session) -> None:
    def job(given: Any) -> int:
        return int(given.future().result(PATIENCE))

    given = small.call(square, 4)
    assert small.result(small.call(job, given), PATIENCE) == 16


def test_cancelling_a_future_in_a_job_kills_its_job(small: Session, gate: str) -> None:
    def job() -> tuple[bool, str]:
        stuck = picloud.call(wait_at, gate)
        cancelled = stuck.future().cancel()
        picloud.join(stuck, PATIENCE, ignore_errors=True)
        return cancelled, picloud.status(stuck)

    assert small.result(small.call(job), PATIENCE) == (True, "killed")


def test_a_job_is_called_back_by_how_its_jobs_end(small: Session) -> None:
    def job() -> list[Any]:
        called: list[Any] = []
        done = threading.Semaphore(0)

        def note(job: Any) -> None:
            called.append((int(job), picloud.status(job)))
            done.release()

        how: dict[str, Any] = {"_callback": note, "_callback_on_error": note}
        jobs = [picloud.call(square, 2, **how), picloud.call(fail, "x", **how)]
        jobs += picloud.map(square, range(20), **how)
        for _ in jobs:
            done.acquire(timeout=PATIENCE)
        return [sorted(map(int, jobs)) == sorted(jid for jid, _ in called), len(called), called[:2]]

    same, count, _ = small.result(small.call(job), PATIENCE)
    assert (same, count) == (True, 22)


def test_callbacks_that_are_due_when_a_job_ends_are_called(small: Session) -> None:
    def job(marker: str) -> None:
        def note(done: Any) -> None:
            with open(marker, "a") as file:
                file.write(f"{picloud.result(done)} {picloud.result(picloud.call(square, 5))}\n")

        jobs = picloud.map(square, [2, 3], _callback=note)
        picloud.join(jobs)
        raise LookupError("the job itself")

    with tempfile.NamedTemporaryFile() as marker:
        job_ = small.call(job, marker.name)
        small.join(job_, PATIENCE, ignore_errors=True)
        assert small.status(job_) == "error"
        assert sorted(marker.read().decode().splitlines()) == ["4 25", "9 25"]


def test_what_a_job_does_not_wait_for_goes_on_without_it(small: Session, gate: str) -> None:
    def job() -> list[Any]:
        called: list[Any] = []
        going_on = picloud.call(wait_at, gate, _callback=called.append)
        future = picloud.call(square, 3, _depends_on=going_on).future()
        return [going_on, future.done()]

    going_on, is_done = small.result(small.call(job), PATIENCE)
    assert not is_done
    open_gate(gate)
    assert small.result(going_on, PATIENCE) == ""


def test_signal_handlers_that_raise_amid_futures_leave_them_usable(small: Session) -> None:
    class Struck(Exception):  # noqa: N818 - no error of ours
        pass

    def job() -> int:
        import random
        import signal

        def strike(*_: Any) -> None:
            raise Struck

        signal.signal(signal.SIGALRM, strike)
        draw = random.Random(5).random
        struck = 0
        for number in range(100):
            try:
                # Not amid `result`: what Python itself does there survives no such handler.
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + draw() * 0.001)
                picloud.call(square, number).future()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Struck:
                struck += 1
            assert picloud.call(square, 3).future().result(PATIENCE) == 9
        return struck

    assert small.result(small.call(job), 60) > 0


def test_a_job_whose_wait_was_interrupted_may_have_a_future(tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)

    class Struck(Exception):  # noqa: N818 - no error of ours
        pass

    def job() -> int:
        import random
        import signal

        def strike(*_: Any) -> None:
            raise Struck

        first = picloud.call(wait_at, gate).future()  # the thread of futures listens from now on
        signal.signal(signal.SIGALRM, strike)
        draw = random.Random(5).random
        struck = 0
        for number in range(200):
            job = picloud.call(square, number)
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.000001 + draw() * 0.0002)
                    picloud.result(job)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Struck:
                struck += 1
                assert job.future().result(PATIENCE) == number * number
        with open(gate, "w") as opened:
            opened.write("open")
        assert first.result(PATIENCE) == "open"
        return struck

    with embedded_session(2) as session:
        assert session.result(session.call(job), 60) > 0


def test_a_forked_child_does_not_wait_for_callbacks_of_its_parent(small: Session) -> None:
    def job() -> str:
        import os

        begun, goes_on = threading.Event(), threading.Event()

        def note(_: Any) -> None:
            begun.set()
            goes_on.wait(PATIENCE)

        picloud.call(square, 1, _callback=note)
        begun.wait(PATIENCE)
        child = os.fork()
        if not child:
            return "child"
        os.waitpid(child, 0)
        goes_on.set()
        return "parent"

    assert small.result(small.call(job), CALLBACK_TIME - 2) == "parent"


def test_a_callback_that_is_killed_for_its_time_takes_no_result_with_it(small: Session) -> None:
    def job() -> str:
        begun = threading.Event()

        def note(_: Any) -> None:
            begun.set()
            threading.Event().wait(PATIENCE)

        picloud.call(square, 1, _callback=note)
        begun.wait(PATIENCE)
        return "the job's"

    assert small.result(small.call(job, _timeout=1), PATIENCE) == "the job's"


def test_the_log_tells_of_callbacks_that_fail_or_are_left_alone(small: Session) -> None:
    def job() -> None:
        import signal

        begun = threading.Event()

        def rude(_: Any) -> None:
            raise SystemExit("from a callback")

        def note(_: Any) -> None:
            begun.set()
            threading.Event().wait(PATIENCE)

        def strike(*_: Any) -> None:
            raise LookupError

        picloud.call(square, 1, _callback=[rude, note])
        begun.wait(PATIENCE)
        signal.signal(signal.SIGALRM, strike)
        signal.setitimer(signal.ITIMER_REAL, 0.1)  # while the job waits for its callbacks

    job_ = small.call(job)
    assert small.result(job_, CALLBACK_TIME - 2) is None
    log = small.info(job_, "logging")[job_]["logging"]
    assert "from a callback" in log
    assert "left alone" in log


def test_a_job_that_is_killed_with_words_unread_is_told_by_its_signal(small: Session) -> None:
    def job() -> None:
        import os

        picloud.call(square, 1).future()
        os.kill(os.getpid(), 9)

    for _ in range(5):
        with pytest.raises(picloud.JobError, match="SIGKILL"):
            small.result(small.call(job, _restartable=False), PATIENCE)
