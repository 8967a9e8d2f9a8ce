"""Real interpreters for the tests, with everything that they said."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.code import values
from picloud.protocol.failures import Failure
from picloud.protocol.wire import WIRE
from picloud_worker.core.events import AttemptSpoke, InterpreterExited, InterpreterSaid
from picloud_worker.interpreters.pool import Interpreters
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.pipe.line import Asleep, GoOn, Heard, Said, WokeUp
from picloud_worker.pipe.messages import Prepare, Raised, Returned, RunAttempts, Wrote

DEADLINE = 20.0
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class Bench:
    """Interpreters, and a record of what they said."""

    def __init__(self, state_dir: Path) -> None:
        settings = InterpreterSettings(str(state_dir), [each for each in sys.path if each])
        self.pool = Interpreters(settings, self._on_event)
        self.said: list[tuple[int, Any]] = []
        self.words: list[tuple[int, Any]] = []
        self.exits: dict[int, InterpreterExited] = {}
        self._more = asyncio.Event()
        self._sequence = 0
        self._spec = 0

    def _on_event(self, event: InterpreterSaid | AttemptSpoke | InterpreterExited) -> None:
        if isinstance(event, InterpreterExited):
            self.exits[event.interpreter] = event
        elif isinstance(event, AttemptSpoke):
            self.words += [(event.interpreter, message) for message in event.messages]
        else:
            self.said += [(event.interpreter, message) for message in event.messages]
        self._more.set()

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something that is true after some event is true."""
        async with asyncio.timeout(DEADLINE):
            while not (found := condition()):
                self._more.clear()
                await self._more.wait()
        return found

    async def poll(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is true that no event tells of."""
        async with asyncio.timeout(DEADLINE):
            while not (found := condition()):  # noqa: ASYNC110 - another process brings it about
                await asyncio.sleep(0.005)
        return found

    def submit(
        self,
        function: Callable[..., Any] | None,
        *calls: tuple[Any, ...],
        interpreter: int = 1,
        python: str = PYTHON,
        memory: int = 0,
        os_env: dict[str, str] | None = None,
        profile: bool = False,
    ) -> list[int]:
        """Send one attempt per tuple of arguments, `()` if there is none, in one frame.

        Without a function it is the one that was sent last.
        """
        calls = calls or ((),)
        first, self._sequence = self._sequence + 1, self._sequence + len(calls)
        sequences = list(range(first, self._sequence + 1))
        payloads = [values.dumps((call, {})) for call in calls]
        messages: list[object] = []
        if function is not None:
            self._spec += 1
            code = values.dumps(function)
            messages.append(Prepare(self._spec, code, python, memory, os_env, profile))
        self.pool.send(interpreter, [*messages, RunAttempts(self._spec, sequences, payloads)])
        return sequences

    def tell(self, sequence: int, *messages: object, interpreter: int = 1) -> None:
        """Say client messages to a running attempt, as the master would."""
        self.pool.tell(interpreter, [Heard(sequence, WIRE.encode(messages))])

    def go_on(self, sequence: int, interpreter: int = 1) -> None:
        """Let an attempt go on that has woken by itself."""
        self.pool.tell(interpreter, [GoOn(sequence)])

    def spoken(self, sequence: int) -> list[Any]:
        """Client messages that an attempt has said."""
        frames = [each.frame for _, each in self.words if type(each) is Said]
        of_it = [each.sequence == sequence for _, each in self.words if type(each) is Said]
        return [
            message
            for frame, its in zip(frames, of_it, strict=True)
            if its
            for message in WIRE.decode(frame)
        ]

    async def asleep(self, sequence: int, times: int = 1) -> None:
        """Until an attempt has said so often that it goes to sleep."""
        await self.until(lambda: count(self.words, Asleep, sequence) >= times)

    async def woke_up(self, sequence: int, times: int = 1) -> None:
        """Until an attempt has said so often that something else has woken it."""
        await self.until(lambda: count(self.words, WokeUp, sequence) >= times)

    def messages(self, kind: type, interpreter: int = 1) -> list[Any]:
        return [each for who, each in self.said if who == interpreter and isinstance(each, kind)]

    def results(self) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for _, each in self.said:
            if isinstance(each, Returned):
                found.update(zip(each.sequences, each.results, strict=True))
        return found

    def failures(self) -> dict[int, Failure]:
        return {each.sequence: each.failure for _, each in self.said if isinstance(each, Raised)}

    def wrote(self) -> dict[int, Wrote]:
        return {each.sequence: each for _, each in self.said if isinstance(each, Wrote)}

    async def result(self, sequence: int) -> Any:
        await self.until(lambda: sequence in self.results())
        return values.loads(self.results()[sequence])

    async def failure(self, sequence: int) -> Failure:
        failure: Failure = await self.until(lambda: self.failures().get(sequence))
        return failure

    async def exited(self, interpreter: int = 1) -> InterpreterExited:
        event: InterpreterExited = await self.until(lambda: self.exits.get(interpreter))
        return event

    async def call(self, function: Callable[..., Any], *args: Any, **how: Any) -> Any:
        (sequence,) = self.submit(function, args, **how)
        return await self.result(sequence)

    async def fail(self, function: Callable[..., Any], *args: Any, **how: Any) -> Failure:
        (sequence,) = self.submit(function, args, **how)
        return await self.failure(sequence)

    async def is_running(self, sequence: int, interpreter: int = 1) -> None:
        await self.poll(lambda: self.pool.running(interpreter) == sequence)


def count(words: list[tuple[int, Any]], kind: type, sequence: int) -> int:
    """How often an attempt has said a word."""
    return sum(type(each) is kind and each.sequence == sequence for _, each in words)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """One interpreter, number 1, and room for more."""
    made = Bench(tmp_path)
    made.pool.spawn()
    await made.pool.start()
    made.pool.start_interpreter(1)
    yield made
    await made.pool.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX" and os.path.exists(f"/proc/{pid}")


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive
