"""An attempt as the agent holds it."""

from collections.abc import Collection

from picloud.protocol.ids import Fence, JobId
from picloud_worker.core.attempt.states import WAITING, AttemptState
from picloud_worker.core.specs import KnownSpec


class Conversation:
    """What an attempt that uses the cloud and the master say to each other.

    Attributes:
        told: frames that were sent to it.
        held: frames that it gets when it has its cores again.
        wants_word: it has woken by itself and waits for leave to go on.
        asleep_since: when it last fell asleep.
        slept: seconds that it has slept, up to its last awakening.
    """

    __slots__ = ("asleep_since", "held", "slept", "told", "wants_word")

    def __init__(self) -> None:
        self.told = 0
        self.held: list[bytes] = []
        self.wants_word = False
        self.asleep_since = 0.0
        self.slept = 0.0


class Attempt:
    """Identity, facts and the one state of an attempt.

    Attributes:
        sequence: its number on this worker, which is all that an interpreter learns of it.
        rank: how urgent it is among those of its priority; higher ones run earlier.
        priority: that of its spec, or of who waits for it; lower ones run earlier.
        assigned: when an interpreter was given it, in seconds of the agent's clock.
        reported_started: the master was told that it runs.
        conversation: None for one that has not used the cloud.
        inputs: a frame of what it hears first if it does.
        leaders: jobs of this worker that must return before it can run; none once they have.
        heard: those that have, with their results.
    """

    __slots__ = (
        "assigned",
        "conversation",
        "fence",
        "heard",
        "inputs",
        "jid",
        "leaders",
        "payload",
        "priority",
        "rank",
        "reported_started",
        "sequence",
        "spec",
        "state",
    )

    def __init__(
        self,
        sequence: int,
        jid: JobId,
        fence: Fence,
        spec: KnownSpec,
        payload: bytes,
        rank: int = 0,
        priority: int | None = None,
    ) -> None:
        self.sequence = sequence
        self.jid = jid
        self.fence = fence
        self.spec = spec
        self.payload = payload
        self.rank = rank
        self.priority = spec.spec.priority if priority is None else priority
        self.state: AttemptState = WAITING
        self.assigned = 0.0
        self.reported_started = False
        self.conversation: Conversation | None = None
        self.inputs = b""
        self.leaders: Collection[JobId] = ()
        self.heard: list[tuple[JobId, bytes]] = []

    def converse(self) -> Conversation:
        """Its conversation, begun now if there was none."""
        if self.conversation is None:
            self.conversation = Conversation()
        return self.conversation

    def __repr__(self) -> str:
        return f"attempt {self.sequence} of job {self.jid}"
