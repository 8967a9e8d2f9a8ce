"""What a job leaves to the next one in its process, played with threads for jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import picloud as cloud
from picloud import errors, inside
from picloud.session import Session

KEPT: list[Any] = []
"""What jobs leave to those after them, as a module would that both import."""


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    yield
    KEPT.clear()


def double(x: Any) -> Any:
    return x * 2


def fail() -> None:
    raise ValueError("no")


def remember() -> None:
    KEPT[:] = [cloud.current_session()]


def remember_all() -> Any:
    """Keep a session that has ids and specs, a job, and iterators that have begun."""
    session = cloud.current_session()
    jobs = session.map(double, range(3))
    unfinished = session.call(double, 1, _cores=50)
    iterators = session.iresult([*jobs, unfinished]), session.as_completed([*jobs, unfinished])
    session.call(fail)  # its spec has the number that another one has in the next job
    KEPT[:] = [session, jobs[0], iterators]
    return [next(each) for each in iterators for _ in jobs]


def test_a_session_is_of_one_attempt(threads: Session) -> None:
    threads.result(threads.call(remember), timeout=30)
    assert KEPT[0].is_lost
    with pytest.raises(errors.ConnectionLost, match="has ended"):
        KEPT[0].call(double, 1)


STALE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "call": lambda session, job, _: session.call(double, 1),
    "call with options": lambda session, job, _: session.options(label="x").call(double, 1),
    "call of a new function": lambda session, job, _: session.call(lambda: 1),
    "call with a job": lambda session, job, _: session.call(double, job, _depends_on=job),
    "map": lambda session, job, _: session.map(double, [1, 2]),
    "map of a generator": lambda session, job, _: session.map(double, iter([1, 2])),
    "result": lambda session, job, _: session.result(job),
    "join": lambda session, job, _: session.join([job]),
    "status": lambda session, job, _: session.status(job),
    "info": lambda session, job, _: session.info(job),
    "why": lambda session, job, _: session.why(job),
    "kill": lambda session, job, _: session.kill(job),
    "kill all": lambda session, job, _: session.kill(cloud.ALL),
    "delete": lambda session, job, _: session.delete(job),
    "iresult": lambda session, job, _: next(session.iresult([job])),
    "as_completed": lambda session, job, _: next(session.as_completed([job])),
    "env": lambda session, job, _: session.env.list(),
    "an iresult that has begun": lambda session, job, begun: next(begun[0]),
    "an as_completed that has begun": lambda session, job, begun: next(begun[1]),
}


def use_what_was_left(name: str) -> list[Any]:
    own = cloud.call(double, 4)
    with refused():
        STALE[name](*KEPT)
    return [cloud.result(own), cloud.result(cloud.call(double, 5))]


async def await_what_was_left() -> list[Any]:
    session, job, _ = KEPT
    own = await cloud.acall(double, 4)
    for wish in (session.acall(double, 1), session.amap(double, [1]), session.aresult(job)):
        with refused():
            await wish
    return [await own, await (await cloud.acall(double, 5)), await job]


async def begin_a_map() -> None:
    await cloud.acall(double, 1)  # there are ids now, so the map waits for nothing
    half = cloud.current_session().amap(double, iter(range(1_500)))
    assert half.send(None) is None  # it lets others go first after 1,000
    KEPT[:] = [half]


async def go_on_with_the_map() -> Any:
    with refused():
        KEPT[0].send(None)
    return await (await cloud.acall(double, 5))


@contextmanager
def refused() -> Iterator[None]:
    """Inside a job: what is done in this block is refused with advice, and nothing is said."""
    line: Any = inside.line
    said = line.worker.said
    with pytest.raises(errors.ConnectionLost, match="has ended") as caught:
        yield
    assert line.worker.said == said
    assert "current_session() in the job's function" in str(caught.value.hint)


@pytest.mark.parametrize("name", STALE)
def test_a_session_that_one_job_leaves_to_the_next_says_so(threads: Session, name: str) -> None:
    threads.result(threads.call(remember_all), timeout=30)
    assert threads.result(threads.call(use_what_was_left, name), timeout=30) == [8, 10]


def test_so_it_does_in_the_loop_of_the_next(threads: Session) -> None:
    threads.result(threads.call(remember_all), timeout=30)
    assert threads.result(threads.call(await_what_was_left), timeout=30) == [8, 10, 0]


def test_a_map_that_one_job_leaves_half_made_is_not_gone_on_with(threads: Session) -> None:
    threads.result(threads.call(begin_a_map), timeout=30)
    assert threads.result(threads.call(go_on_with_the_map), timeout=30) == 10
