"""Sessions: opening, closing, losing the master, forking, many at once."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from picloud import errors
from picloud.aio.loop_thread import LoopThread
from picloud.client import Client
from picloud.protocol.client_messages import JobsDone
from picloud.protocol.jobs import SlotPool
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def engines() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "picloud engine" in thread.name]


def test_a_session_starts_with_its_first_verb_and_ends_with_its_thread() -> None:
    session = FakeMaster().session()
    assert engines() == []
    job = session.call(double, 1)
    assert session.result(job) == 2
    assert len(engines()) == 1
    assert session.close() is True
    assert engines() == []
    assert session.close() is False


def test_a_closed_session_says_so() -> None:
    with FakeMaster().session() as session:
        job = session.call(double, 1)
    for verb in (lambda: session.call(double, 1), lambda: session.result(job), session.__enter__):
        with pytest.raises(errors.ConnectionLost, match="this session is closed"):
            verb()
    assert session.is_lost


def test_a_session_that_was_never_used_closes_too() -> None:
    assert FakeMaster().session().close() is False


def test_closing_wakes_who_waits() -> None:
    session = FakeMaster().session()
    job = session.call(double, 1, _label="held")
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            session.result(job)
        except errors.ConnectionLost as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    session.why(job)
    session.close()
    thread.join()
    assert "closed" in str(caught[0])


def test_a_lost_master_fails_all_waits_now_and_later(master: FakeMaster, session: Session) -> None:
    job = session.call(double, 1, _label="held")
    future = job.future()
    completed = session.as_completed([job])
    waiting = threading.Thread(target=lambda: session.result(job, ignore_errors=True))
    session.why(job)
    master.lose()
    with pytest.raises(errors.ConnectionLost, match="closed the channel"):
        session.result(job)
    with pytest.raises(errors.ConnectionLost, match="closed the channel"):
        next(completed)
    assert isinstance(future.exception(), errors.ConnectionLost)
    with pytest.raises(errors.ConnectionLost):
        session.call(double, 1)
    with pytest.raises(errors.ConnectionLost):
        session.status(job)
    assert session.is_lost
    assert not waiting.is_alive()


def test_a_master_that_does_not_answer_still_lets_waits_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("picloud.connected.WHY_TIME", 0.01)
    with FakeMaster(is_mute=True).session() as session:
        job = session.call(double, 1)
        with pytest.raises(errors.CloudTimeoutError, match="has not answered"):
            session.result(job, timeout=0.01)


def test_an_opener_that_fails_fails_every_verb_with_its_reason() -> None:
    async def opener(thread: LoopThread, client: Client) -> Callable[[], Awaitable[None]]:
        raise errors.AuthenticationError("wrong key", hint="use another")

    session = Session(opener)
    for _ in range(2):
        with pytest.raises(errors.AuthenticationError, match="wrong key\nTIP: use another"):
            session.call(double, 1)
    session.close()


def test_an_opener_with_a_bug_is_named_as_the_cause() -> None:
    async def opener(thread: LoopThread, client: Client) -> Callable[[], Awaitable[None]]:
        raise LookupError("bug")

    session = Session(opener)
    with pytest.raises(errors.ConnectionLost, match="LookupError: bug") as caught:
        session.call(double, 1)
    assert isinstance(caught.value.__cause__, LookupError)
    session.close()


def test_many_threads_open_one_session_once() -> None:
    opened: list[int] = []
    master = FakeMaster()

    async def opener(thread: LoopThread, client: Client) -> Callable[[], Awaitable[None]]:
        opened.append(1)
        return await master.open(thread, client)

    session = Session(opener)
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(session.result(session.call(double, n))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [2 * n for n in range(8)]
    assert opened == [1]
    session.close()


def test_sessions_nest_and_stand_side_by_side() -> None:
    with FakeMaster().session() as outer, FakeMaster().session() as inner:
        jobs = [(each, each.call(double, n)) for n, each in enumerate([outer, inner])]
        assert [session.result(job) for session, job in jobs] == [0, 2]


async def test_a_session_is_an_asynchronous_context_manager() -> None:
    async with FakeMaster().session() as session:
        assert await (await session.acall(double, 1)) == 2
    with pytest.raises(errors.ConnectionLost):
        await session.acall(double, 1)


async def test_a_plain_with_in_a_running_loop_names_the_other() -> None:
    session = FakeMaster().session()
    with pytest.raises(RuntimeError, match="async with"):
        session.__enter__()


def test_a_session_serves_one_loop_after_another() -> None:
    with FakeMaster().session() as session:
        assert [asyncio.run(one(session, n)) for n in range(3)] == [0, 2, 4]


async def one(session: Session, n: int) -> Any:
    return await (await session.acall(double, n))


def test_a_message_that_is_none_of_a_client_s_ends_the_link(
    master: FakeMaster, session: Session
) -> None:
    from picloud.protocol.worker_messages import TakeBack

    session.call(double, 1, _label="held")
    assert master.thread is not None
    master.thread.post(master.say, JobsDone([], []))
    master.thread.post(master.say, TakeBack(1))
    with pytest.raises(errors.ConnectionLost):
        session.result(1)


def test_a_forked_child_has_no_use_for_the_session() -> None:
    with FakeMaster().session() as session:
        session.call(double, 1)
        child = os.fork()
        if child == 0:
            try:
                session.call(double, 1)
            except errors.ConnectionLost:
                os._exit(0)
            finally:
                os._exit(1)
        _, code = os.waitpid(child, 0)
        assert code == 0
        assert session.result(session.call(double, 4)) == 8


# ---------------------------------------------------------------------- what a cloud cannot do


def offering(*pools: SlotPool) -> Session:
    return Session(FakeMaster().open, offers=pools)


def test_what_no_worker_can_ever_run_is_refused_at_submission() -> None:
    with offering(SlotPool(["c1", "c2"], 2), SlotPool(["m1"], 1)) as session:
        for wrong, text in (
            ({"cores": 3}, "3 cores of type c1: it has at most 2"),
            ({"type": "m1", "cores": 2}, "type m1: it has at most 1"),
            ({"type": "s1"}, "1 core of type s1: it has none"),
        ):
            for submit in (session.options(**wrong).call, session.options(**wrong).map):
                with pytest.raises(ValueError, match=text):
                    submit(abs, [1])
        assert session.result(session.call(abs, -1, _type="c2", _cores=2)) == 1


def test_where_offers_are_not_known_nothing_is_refused(session: Session) -> None:
    assert session.result(session.call(abs, -1, _cores=500)) == 1
