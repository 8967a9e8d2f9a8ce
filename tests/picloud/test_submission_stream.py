"""What threads submit on its way to the master."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from picloud.grants import Secrets
from picloud.protocol.client_messages import JidsReserved
from picloud.protocol.ids import JobId
from picloud.protocol.jobs import JobSpec
from picloud.submission_stream import SubmissionStream
from picloud.submissions import Spec

SPEC = Spec(JobSpec("f", "3.11"), b"")


class Engine:
    """Runs what is posted when it is asked to, and is interrupted while it is woken."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.posted: list[Callable[..., object]] = []
        self.interruptions = 0
        self.flushes = 0
        self.stream = SubmissionStream(loop, self.post, self.flush, lambda _: None, Secrets())
        self.stream.on_jids_reserved(JidsReserved(JobId(1), 100))

    def post(self, function: Callable[..., object], *args: Any) -> None:
        self.posted.append(function)
        if self.interruptions:
            self.interruptions -= 1
            raise KeyboardInterrupt

    def flush(self) -> None:
        self.flushes += 1


@pytest.fixture
def engine() -> Iterator[Engine]:
    loop = asyncio.new_event_loop()
    yield Engine(loop)
    loop.close()


def test_the_first_job_of_a_burst_wakes_the_engine(engine: Engine) -> None:
    for _ in range(3):
        engine.stream.submit(SPEC, b"")
    assert len(engine.posted) == 1


@pytest.mark.parametrize("how", ["call", "map"])
def test_an_interrupted_wake_up_is_made_good_by_the_next_job(engine: Engine, how: str) -> None:
    engine.interruptions = 1
    submit = engine.stream.submit if how == "call" else engine.stream.submit_many
    with pytest.raises(KeyboardInterrupt):
        submit(SPEC, b"" if how == "call" else [b""])  # type: ignore[operator]
    engine.stream.submit(SPEC, b"")
    assert len(engine.posted) == 2


def test_a_burst_that_was_begun_twice_is_looked_at_once_at_a_time(engine: Engine) -> None:
    engine.interruptions = 1
    with pytest.raises(KeyboardInterrupt):
        engine.stream.submit(SPEC, b"")
    engine.stream.submit(SPEC, b"")
    for look in engine.posted:
        look()
    assert engine.flushes == 2
    pending = [one for one in engine.stream._loop._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
    assert len(pending) == 1
