"""What simulated interpreters run: a `Behaviour`, or a program that uses the cloud itself.

For the latter see `NestedJob`.
"""

from dataclasses import dataclass

from picloud.protocol.failures import Failure, FailureKind
from picloud.testing.simulated_interpreter import InterpreterHost, SimulatedInterpreter
from picloud.testing.timeline import Timeline
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.events import Exit
from picloud_worker.pipe.messages import Prepare
from tests.support.nested_job import Ended, NestedJob
from tests.support.programs import World, is_program

RAISED = Failure(FailureKind.EXCEPTION, "the job raised", "builtins.ValueError")


@dataclass(frozen=True)
class Behaviour:
    """What a simulated job does; its payload.

    Attributes:
        seconds: how long it runs.
        ending: "returns", "raises", "exits" (its process ends), or "litters" (leaves a thread).
        deaf: it does not let signal handlers run.
    """

    seconds: float = 0.001
    ending: str = "returns"
    deaf: bool = False

    def payload(self) -> bytes:
        return f"{self.seconds!r} {self.ending} {self.deaf:d}".encode()

    @classmethod
    def of(cls, payload: bytes) -> "Behaviour":
        seconds, ending, deaf = payload.decode().split()
        return cls(float(seconds), ending, deaf == "1")


class ProgramInterpreter(SimulatedInterpreter):
    """One process.

    Args:
        world: what jobs can reach beside their cloud.
    """

    def __init__(
        self, timeline: Timeline, number: int, pool: int, host: InterpreterHost, world: World
    ) -> None:
        super().__init__(timeline, number, pool, host)
        self._world = world

    def _is_deaf(self, attempt: Attempt) -> bool:
        return not is_program(attempt.payload) and Behaviour.of(attempt.payload).deaf

    def _run(self, attempt: Attempt, spec: Prepare) -> None:
        if is_program(attempt.payload):
            self._job = NestedJob(
                self._timeline,
                self._world,
                attempt,
                self.speak,
                self.give_way,
                self._host.cores_returned,
                self._program_ended,
            )
        else:
            behaviour = Behaviour.of(attempt.payload)
            self._timeline.after(behaviour.seconds, lambda: self._finish(behaviour))

    def _finish(self, behaviour: Behaviour) -> None:
        if self.running is None:
            return
        match behaviour.ending:
            case "exits":
                self.die(Exit(3))
            case "raises":
                self._end(RAISED)
            case ending:
                result = b"result of " + self.running.payload
                self._end(result, litters=ending == "litters")

    def _program_ended(self, ended: Ended) -> None:
        if self.running is None:
            return
        outcome = ended.failure if ended.failure is not None else ended.result
        if outcome is None:
            self.die(Exit(3))
        else:
            self._end(outcome, ended.handles)
