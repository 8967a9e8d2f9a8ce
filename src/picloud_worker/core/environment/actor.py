"""An environment as the agent holds it."""

from picloud.protocol.environments import Environment
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.environment.states import UNBUILT, EnvironmentState


class EnvironmentActor:
    """What it is, its one state, and who waits for it.

    Attributes:
        waiting: attempts that cannot run before it is built; some may have ended meanwhile.
    """

    __slots__ = ("environment", "state", "waiting")

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.state: EnvironmentState = UNBUILT
        self.waiting: list[Attempt] = []

    def __repr__(self) -> str:
        return f"environment {self.environment.digest}"
