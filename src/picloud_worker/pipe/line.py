"""What a running job and the agent say to each other about the job's own use of the cloud.

The line is a socket of its own beside the pipe: a recall's signal handler reads the pipe in the
middle of a job, and must not meet there what the job was waiting for. An attempt is named by its
sequence number; what an attempt is told that has ended meanwhile is dropped.
"""

from picloud.protocol.codec import Codec
from picloud.statemachine import value

# ------------------------------------------------------------------ interpreter to agent


@value
class Said:
    """A frame of client messages for the master."""

    sequence: int
    frame: bytes


@value
class Asleep:
    """The job is about to wait for outcomes and lends its cores.

    It does not sleep if more frames than `heard` were sent to it: then it wakes at once.
    """

    sequence: int
    heard: int


@value
class WokeUp:
    """Something else than a frame has woken the job; it goes on when it is told `GoOn`."""

    sequence: int


FromJob = Said | Asleep | WokeUp

# ------------------------------------------------------------------ agent to interpreter


@value
class Heard:
    """A frame of client messages of the master. One that is asleep has its cores back with it."""

    sequence: int
    frame: bytes


@value
class GoOn:
    """The answer to `WokeUp`: the job has its cores."""

    sequence: int


@value
class TooDeep:
    """The answer to `Asleep` where no more jobs may sleep: the job keeps its cores."""

    sequence: int
    text: str


ToJob = Heard | GoOn | TooDeep

_FROM_JOB = {1: Said, 2: Asleep, 3: WokeUp}
_TO_JOB = {4: Heard, 5: GoOn, 6: TooDeep}

LINE = Codec({**_FROM_JOB, **_TO_JOB})
LINE_IN = Codec(_FROM_JOB)
"""What an agent takes: a job may send anything."""
