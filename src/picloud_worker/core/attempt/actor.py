"""An attempt as the agent holds it."""

from picloud.protocol.ids import Fence, JobId
from picloud_worker.core.attempt.states import WAITING, AttemptState
from picloud_worker.core.specs import KnownSpec


class Attempt:
    """Identity, facts and the one state of an attempt.

    Attributes:
        sequence: its number on this worker, which is all that an interpreter learns of it.
        assigned: when an interpreter was given it, in seconds of the agent's clock.
        reported_started: the master was told that it runs.
    """

    __slots__ = (
        "assigned",
        "fence",
        "jid",
        "payload",
        "reported_started",
        "sequence",
        "spec",
        "state",
    )

    def __init__(
        self, sequence: int, jid: JobId, fence: Fence, spec: KnownSpec, payload: bytes
    ) -> None:
        self.sequence = sequence
        self.jid = jid
        self.fence = fence
        self.spec = spec
        self.payload = payload
        self.state: AttemptState = WAITING
        self.assigned = 0.0
        self.reported_started = False

    def __repr__(self) -> str:
        return f"attempt {self.sequence} of job {self.jid}"
