"""Recursion without an end: it ends where a worker has room for no more that wait.

What is only wide, without being deep, does not come to that point.
"""

import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.local import embedded_session
from picloud_worker.interpreters import settings
from tests.support.processes import open_gate, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def room_for(patch: pytest.MonkeyPatch, sleepers: int) -> None:
    """Let a worker have no more jobs that wait for others at the same time."""
    patch.setattr(settings, "FEWEST_SLEEPERS", sleepers)
    patch.setattr(settings, "MOST_SLEEPERS", sleepers)
    patch.setattr(settings, "MORE_PER_CORE", 0)


def square(x: int) -> int:
    return x * x


def down(n: int) -> Any:
    return picloud.result(picloud.call(down, n + 1))


async def adown(n: int) -> Any:
    return await (await picloud.acall(adown, n + 1))


def branch(n: int) -> Any:
    a, b = picloud.map(branch, [n + 1, n + 1])
    return picloud.result(a) + picloud.result(b)


def ping(n: int) -> Any:
    return picloud.result(picloud.call(pong, n + 1))


def pong(n: int) -> Any:
    return picloud.result(picloud.map(ping, [n + 1]))


@pytest.mark.parametrize("function", [down, adown, branch, ping], ids=lambda each: each.__name__)
@pytest.mark.parametrize("slots", [1, 2])
def test_runaway_recursion_ends_in_an_error_and_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch, slots: int, function: Any
) -> None:
    room_for(monkeypatch, 8)
    with embedded_session(slots) as session:
        job = session.call(function, 0)
        with pytest.raises(errors.NestingTooDeep, match=r"8 jobs.*(down|branch|ping|pong) at "):
            session.result(job, 30)
        assert session.result(session.call(square, 5, _priority=9), 10) == 25


def test_a_recursion_that_catches_its_end_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(monkeypatch, 5)

    def descend(n: int) -> int:
        try:
            return int(picloud.result(picloud.call(descend, n + 1)))
        except picloud.NestingTooDeep:
            return n

    with embedded_session(2) as session:
        assert session.result(session.call(descend, 0), 60) == 5


def test_many_jobs_may_wait_for_one_that_runs(
    monkeypatch: pytest.MonkeyPatch, gate: str, tmp_path: Path
) -> None:
    def slow() -> int:
        return len(Path(gate).read_text())

    def use(n: int) -> int:
        Path(tmp_path, str(n)).touch()
        return n + int(awaited.result())

    room_for(monkeypatch, 8)
    with embedded_session(2) as session:
        awaited = session.call(slow)
        wide = session.map(use, range(30))
        until(lambda: Path(tmp_path, "4").exists(), "some of them wait")
        with pytest.raises(errors.CloudTimeoutError):
            session.result(wide, 0.5)
        open_gate(gate)
        assert session.result(wide, 30) == list(range(30))
