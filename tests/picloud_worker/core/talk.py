"""A node whose attempts use the cloud themselves: short words for what they say and are told."""

from typing import Any

from picloud.protocol import worker_messages as report
from picloud.protocol.ids import Fence, JobId
from picloud_worker.core.effects import Effect, TellAttempt
from picloud_worker.core.events import AttemptSpoke, InterpreterSaid
from picloud_worker.core.interpreter.states import Lending
from picloud_worker.pipe import line
from tests.support.builders import Node, asked


class Talk:
    """A node, and short words for what its attempts say and are told."""

    def __init__(self, cores: int = 1, max_sleepers: int = 64) -> None:
        self.node = Node(cores)
        self.node.crew.max_sleepers = max_sleepers

    def says(self, jid: int, *frames: bytes) -> list[Effect]:
        sequence = self.node.sequences[jid]
        return self.words(jid, *[line.Said(sequence, frame) for frame in frames])

    def words(self, jid: int, *messages: object) -> list[Effect]:
        return self.node.hears(AttemptSpoke(self.interpreter_of(jid), list(messages)))

    def sleeps(self, jid: int, heard: int = 0) -> list[Effect]:
        return self.words(jid, line.Asleep(self.node.sequences[jid], heard))

    def wakes(self, jid: int) -> list[Effect]:
        return self.words(jid, line.WokeUp(self.node.sequences[jid]))

    def tells(self, jid: int, *frames: bytes, fence: int = 1) -> list[Effect]:
        return self.node.master(*[report.TellJob(JobId(jid), Fence(fence), f) for f in frames])

    def runs(self, *jids: int, rank: int = 0, **options: Any) -> list[Effect]:
        """The master grants jobs of a rank; their spec is made known before."""
        self.node.runs(**options)
        number = len(self.node._specs) if options else 1
        ids = [JobId(jid) for jid in jids]
        return self.node.master(
            report.RunJobs(number, Fence(1), ids, [b""] * len(ids), rank)  # type: ignore[arg-type]
        )

    def interpreter_of(self, jid: int) -> int:
        for interpreter in self.node.crew.interpreters.values():
            if any(one.jid == jid for one in interpreter.outstanding.values()):
                return interpreter.id
        return 0

    def heard(self, turn: list[Effect]) -> list[tuple[int, object]]:
        return [(one.interpreter, one.message) for one in asked(turn, TellAttempt)]

    def state(self, interpreter: int) -> type:
        return type(self.node.crew.interpreters[interpreter].state)


def from_one(*messages: object) -> InterpreterSaid:
    """What interpreter 1 says, to be heard with something else."""
    return InterpreterSaid(1, list(messages))


def a_sleeper(cores: int = 1, **options: Any) -> Talk:
    """Job 1 sleeps in interpreter 1."""
    talk = Talk(cores)
    talk.node.runs(1, **options)
    talk.sleeps(1)
    assert talk.state(1) is Lending
    return talk
