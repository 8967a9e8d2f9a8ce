"""Attempts that have finished, until they are reported: results in columns, all else as messages.

What they have used goes with them. Short ones that returned are measured together, in one reading
for all; those that ran for longer, wrote something or failed are measured apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from picloud.protocol.failures import Failure
from picloud.protocol.payloads import is_spilled
from picloud.protocol.usage import Usage
from picloud_worker.interpreter.execution import Naming
from picloud_worker.interpreter.unreported import UnreportedWriter
from picloud_worker.interpreter.usage import UsageMeter, part_of
from picloud_worker.pipe.frames import pack_frame
from picloud_worker.pipe.messages import PIPE, GaveBack, Raised, Returned


class Ended(NamedTuple):
    """An attempt that was measured apart; it becomes a message when it is sent."""

    sequence: int
    outcome: bytes | Naming | Failure
    runtime: float
    usage: Usage


class FinishedAttempts:
    """What is to be reported, in order.

    Args:
        unreported: notes all of it where the agent finds it, should this process end before.
        meter: measures what is used.

    Attributes:
        is_due: it must be sent before anything else runs.
    """

    def __init__(self, unreported: UnreportedWriter, meter: UsageMeter) -> None:
        self.is_due = False
        self._unreported = unreported
        self._note = unreported.note
        self._meter = meter
        # How the attempt has ended that is added next, once the user's code has nothing more to do:
        self._next: tuple[int, bytes | Naming | Failure, float, Usage | None] | None = None
        self._messages: list[object] = []  # complete ones; the open Returned is in the columns:
        self._sequences: list[int] = []
        self._results: list[bytes] = []
        self._runtimes: list[float] = []

    def __bool__(self) -> bool:
        return bool(self._sequences or self._messages)

    def add_short(self, sequence: int, result: bytes, runtime: float) -> None:
        """Add one that has returned and is measured with others. It is paid for every job."""
        self._sequences.append(sequence)
        self._results.append(result)
        self._runtimes.append(runtime)
        if not self._note(sequence, result, runtime):
            self.is_due = True

    def measure(self, runtime: float) -> Usage:
        """What the attempt that has just ended has used; those before it get their share now."""
        if not self._sequences:
            return self._meter.read(runtime)
        before = sum(self._runtimes)
        used = self._meter.read(before + runtime)
        self._seal(part_of(used, before))
        return part_of(used, runtime)

    @contextmanager
    def noted(
        self,
        sequence: int,
        outcome: bytes | Naming | Failure,
        runtime: float,
        usage: Usage | None = None,
    ) -> Iterator[None]:
        """Have it known how one has ended while more code of the user's runs, until it is added."""
        self._next = sequence, outcome, runtime, usage
        self._note_end(sequence, outcome, runtime, usage)
        try:
            yield
        finally:
            self._next = None

    def add(
        self, sequence: int, outcome: bytes | Naming | Failure, runtime: float, usage: Usage
    ) -> None:
        """Add one that was measured apart."""
        self._seal_measured()
        self._messages.append(Ended(sequence, outcome, runtime, usage))
        if not self._note_end(sequence, outcome, runtime, usage):
            self.is_due = True

    def _note_end(
        self,
        sequence: int,
        outcome: bytes | Naming | Failure,
        runtime: float,
        usage: Usage | None,
    ) -> bool:
        if type(outcome) is not bytes or (usage and (usage.arguments or usage.profile)):
            return self._unreported.note_message(_end_of(sequence, outcome, runtime, usage))
        if usage is None:
            return self._note(sequence, outcome, runtime)
        return self._unreported.note_measured(sequence, outcome, runtime, usage)

    def say(self, message: object) -> None:
        """Add a message behind the results that there are."""
        self._seal_measured()
        self._messages.append(message)
        if not self._unreported.note_message(message):
            self.is_due = True

    def say_first(self, message: GaveBack) -> None:
        """Add it ahead of the results: once these are known, the agent may take us for idle."""
        self._messages.insert(0, message)

    def seal_before(self, running: float) -> None:
        """Share out what has been used while a job runs, which has done so for so many seconds."""
        if self._sequences:
            before = sum(self._runtimes)
            used = self._meter.read(before + running)
            self._seal(part_of(used, before))
            self._meter.put_back(part_of(used, running))

    def take(self) -> bytes:
        """All of it, to be sent."""
        self._seal_measured()
        messages = [_end_of(*it) if type(it) is Ended else it for it in self._messages]
        frames = PIPE.encode_frames(messages) if messages else []
        self._messages.clear()
        self.is_due = False
        return b"".join(map(pack_frame, frames))

    def sent(self) -> None:
        """What was taken has been sent."""
        self._unreported.clear()
        if self._next is not None:
            self._note_end(*self._next)

    def _seal_measured(self) -> None:
        if self._sequences:
            self._seal(self._meter.read(sum(self._runtimes)))

    def _seal(self, usage: Usage) -> None:
        columns = self._sequences, self._results, self._runtimes
        self._messages.append(Returned(*columns, usage=usage.packed()))
        self._sequences, self._results, self._runtimes = [], [], []


def _end_of(
    sequence: int, outcome: bytes | Naming | Failure, runtime: float, usage: Usage | None = None
) -> Raised | Returned:
    used = usage.packed() if usage is not None else b""
    if isinstance(outcome, Failure):
        return Raised(sequence, outcome, runtime, used)
    if isinstance(outcome, Naming):
        row = [sequence], [outcome.result], [runtime], [outcome.handles]
        return Returned(*row, is_spilled(outcome.result), used)
    return Returned([sequence], [outcome], [runtime], usage=used)
