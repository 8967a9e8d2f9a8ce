"""A lease: the right of one attempt to run on one worker."""

from picloud.protocol.ids import Fence, WorkerId
from picloud.statemachine import value


@value
class Lease:
    """Jobs of one rank that are granted to one worker in one turn share a lease; each job has at
    most one that lives.

    Fences come from one rising counter, so a job's next lease always has a higher one and a
    report with another fence than the live one's is late. The worker's name outlives the worker.
    """

    worker: WorkerId
    fence: Fence
    name: str = ""
    rank: int = 0
