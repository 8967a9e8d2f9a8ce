"""Messages between an agent and its interpreter. An interpreter never learns a job id.

Attempts are named by a sequence number of the agent. The interpreter runs them in the order in
which they came and writes the number of the running one into a shared cell, so that the agent
knows which attempt was running when an interpreter dies.
"""

from picloud.protocol.codec import Codec
from picloud.protocol.failures import Failure
from picloud.protocol.ids import Handles
from picloud.statemachine import value

# ------------------------------------------------------------------ agent to interpreter


@value
class Prepare:
    """From now on `spec` means this pickled function, and how to run it.

    Attributes:
        python: minor version of the Python that pickled the function.
        memory: limit in MB, 0 for none.
        os_env: environment variables set while an attempt runs.
        profile: attempts are profiled.
    """

    spec: int
    code: bytes
    python: str
    memory: int
    os_env: dict[str, str] | None
    profile: bool = False


@value
class Discard:
    """No more attempts will name this spec."""

    spec: int


@value
class RunAttempts:
    """Run these pickled argument tuples, one after the other.

    `inputs` are, for each attempt, a frame of what it will hear if it uses the cloud, empty where
    there is none; None where no attempt has any.
    """

    spec: int
    sequences: list[int]
    payloads: list[bytes]
    inputs: list[bytes] | None = None


# ------------------------------------------------------------------ interpreter to agent


@value
class Returned:
    """Attempts that returned, in the order in which they ran; run times in seconds.

    `handles` are, for each result, those of the jobs that it names; None where none names any.
    `spilled`: some of the results name blobs, which are in the store.
    `usage` is what they have used together, packed; empty if that was not measured.
    """

    sequences: list[int]
    results: list[bytes]
    runtimes: list[float]
    handles: list[Handles] | None = None
    spilled: bool = False
    usage: bytes = b""


@value
class Raised:
    """An attempt that did not return."""

    sequence: int
    failure: Failure
    runtime: float
    usage: bytes = b""


@value
class Wrote:
    """Tails of what an attempt wrote; sent before its end, only if it wrote anything."""

    sequence: int
    stdout: str
    stderr: str
    logging: str


@value
class GaveBack:
    """Attempts that never started: the answer to a recall, or to leftovers of an earlier job."""

    sequences: list[int]


@value
class Dirty:
    """This interpreter must run no other job.

    A job left threads or child processes behind, or took away what jobs need to run.
    """

    leftovers: str


FromInterpreter = Returned | Raised | Wrote | GaveBack | Dirty

_TO_INTERPRETER = {1: Prepare, 2: Discard, 3: RunAttempts}
_FROM_INTERPRETER = {4: Returned, 5: Raised, 6: Wrote, 7: GaveBack, 8: Dirty}

PIPE = Codec({**_TO_INTERPRETER, **_FROM_INTERPRETER})
PIPE_IN = Codec(_FROM_INTERPRETER)
"""What an agent takes: a job may send anything."""
