"""A spec as the agent holds it, with what was learned about how long its jobs run."""

from picloud.protocol.definitions import DefineSpec
from picloud.protocol.jobs import JobSpec
from picloud.protocol.payloads import blobs_of
from picloud.statemachine import value
from picloud_worker.core import settings

_LEARNING_RATE = 0.3


@value
class InterpreterKey:
    """What must be equal for a warm interpreter to be used again; any difference ends it.

    Attributes:
        environment: the digest of its packages; empty for those of the worker.
        code: the digest of the tree of the user's modules.
        sandbox: the level that the interpreter is confined at.
    """

    owner: str
    environment: str
    code: bytes
    python: str
    sandbox: str


class Estimate:
    """A moving mean of run times; None until the first job has ended."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds: float | None = None

    def learn(self, total: float, count: int) -> None:
        """Take in `count` jobs that ran `total` seconds together."""
        # A job can make its interpreter say anything, also what is no time.
        mean = min(max(settings.LEAST_RUNTIME, total / count), settings.MOST_RUNTIME)
        if self.seconds is None:
            self.seconds = mean
        else:
            self.seconds += _LEARNING_RATE * (mean - self.seconds)

    def learn_at_least(self, seconds: float) -> None:
        """A job that has not ended has run for so long already."""
        self.seconds = max(self.seconds or 0.0, seconds)


class KnownSpec:
    """A function, how to run it, and how long it runs.

    Attributes:
        blobs: those that its code names.
    """

    __slots__ = ("blobs", "code", "estimate", "key", "number", "spec")

    def __init__(self, definition: DefineSpec) -> None:
        """Take it over.

        Raises:
            RemoteProtocolError: its code is malformed.
        """
        self.number = definition.number
        self.spec: JobSpec = definition.spec
        self.code = definition.code
        self.blobs = blobs_of(definition.code)
        self.estimate = Estimate()
        spec = definition.spec
        self.key = InterpreterKey(
            definition.owner, spec.environment, definition.tree, spec.python, "none"
        )
