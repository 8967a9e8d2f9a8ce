"""What simulated jobs do that use the cloud themselves: small programs, all of which end.

A program names the jobs that it knows by small numbers: which of them that is follows from what
it has made, was given, has read and has found by then.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from picloud.protocol.ids import Handles, JobId
from picloud.protocol.jobs import JobSpec

SPEC = JobSpec("module.function", "3.11")


class Handle(NamedTuple):
    """A job's id, and what proves that it was not guessed."""

    jid: JobId
    capability: bytes


def ranges_of(handles: Sequence[Handle]) -> Handles:
    """The jobs of these handles as they cross the wire."""
    return [bound for one in handles for bound in (int(one.jid), one.jid + 1)]


# ------------------------------------------------------------------ steps


@dataclass(frozen=True)
class Run:
    """Compute for so many seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"run {self.seconds:g} s"


@dataclass(frozen=True)
class Call:
    """Submit a job for each program.

    Attributes:
        after: what they depend on, of what the caller knows.
        passes: whose handles are among their arguments.
        declares: the serializer has found these handles.
        in_code: they are in the function, not among its arguments.
    """

    programs: tuple["Program", ...]
    spec: JobSpec = field(default_factory=lambda: SPEC)
    after: tuple[int, ...] = ()
    ignore_errors: bool = False
    passes: tuple[int, ...] = ()
    declares: bool = True
    in_code: bool = False

    def __str__(self) -> str:
        words = "; ".join(f"{{{one}}}" for one in self.programs)
        options = [f"after {self.after}" * bool(self.after), "whatever ends" * self.ignore_errors]
        options.append(f"passing {self.passes}" * bool(self.passes))
        options += ["undeclared" * (not self.declares), "in code" * self.in_code]
        changed = [
            f"{name}={getattr(self.spec, name)!r}"
            for name in JobSpec.__slots__
            if getattr(self.spec, name) != getattr(SPEC, name)
        ]
        return " ".join(["call", words, *filter(None, options), *changed])


@dataclass(frozen=True)
class Wait:
    """Wait for jobs, all of them or only the first to end; give up when the patience is over."""

    which: tuple[int, ...]
    all: bool = True
    patience: float | None = None

    def __str__(self) -> str:
        limit = "" if self.patience is None else f" for {self.patience:g} s"
        return f"wait for {'all' if self.all else 'one'} of {self.which}{limit}"


@dataclass(frozen=True)
class Leak:
    """Write a handle where all jobs can find it."""

    which: int

    def __str__(self) -> str:
        return f"leak {self.which}"


@dataclass(frozen=True)
class Find:
    """Read a handle that somebody has leaked."""

    which: int

    def __str__(self) -> str:
        return f"find {self.which}"


@dataclass(frozen=True)
class Kill:
    """End a job, and know that it has ended."""

    which: int

    def __str__(self) -> str:
        return f"kill {self.which}"


Step = Run | Call | Wait | Leak | Find | Kill


@dataclass(frozen=True, repr=False)
class Program:
    """Steps, and how it ends: it "returns" or "raises", naming some jobs, or "exits"."""

    steps: tuple[Step, ...] = ()
    ending: str = "returns"
    names: tuple[int, ...] = ()

    def __str__(self) -> str:
        end = f"{self.ending.removesuffix('s')} {self.names or ''}".strip()
        return ", ".join([*map(str, self.steps), end])

    def __repr__(self) -> str:
        return f"{{{self}}}"

    def payload(self, given: Sequence[Handle] = ()) -> bytes:
        return pickle.dumps((self, list(given)))


def is_program(payload: bytes) -> bool:
    """True if this is what `Program.payload` has made."""
    return payload[:1] == b"\x80"


def loaded(payload: bytes) -> tuple[Program, list[Handle]]:
    """A program and the handles that were given to it."""
    program, given = pickle.loads(payload)
    return program, given


def result_of(named: Sequence[Handle]) -> bytes:
    """The pickled result of a program."""
    return pickle.dumps(list(named))


def named_in(result: bytes) -> list[Handle]:
    """The handles that a result names; those of other simulated jobs name none."""
    return pickle.loads(result) if is_program(result) else []


@dataclass
class World:
    """What jobs can reach beside their cloud, and a diary of what they do."""

    leaked: list[Handle] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
