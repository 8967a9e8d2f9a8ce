"""What a job is asked to be (`JobSpec`), and what a client may know of its life (`JobStatus`)."""

import enum
from collections.abc import Iterable

from picloud.protocol.ids import Handles as Handles
from picloud.statemachine import value

CORE_TYPES = ("c1", "c2", "f2", "m1", "s1")
"""PiCloud's classes of cores: c1 is the default, c2 fast, f2 fastest, m1 much memory, s1 small."""


class JobStatus(enum.Enum):
    """PiCloud's seven words. Final ones never change."""

    WAITING = "waiting"
    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    ERROR = "error"
    KILLED = "killed"
    STALLED = "stalled"

    @property
    def is_final(self) -> bool:
        """True when the job has its outcome."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset(
    {JobStatus.DONE, JobStatus.ERROR, JobStatus.KILLED, JobStatus.STALLED},
)


@value
class JobSpec:
    """What all jobs of one call or map share.

    Attributes:
        name: the function's name and place, for people.
        python: minor version of the Python that made the function, such as "3.11".
        core_type: one of `CORE_TYPES`.
        cores: how many cores of that type one job occupies.
        priority: lower runs earlier.
        restartable: may run again after its worker was lost.
        kill_process: gets an interpreter of its own that ends with the job.
        timeout: run time in seconds after which the job is ended; 0 for no limit.
        memory: limit of memory in MB; 0 for no limit.
        label: the user's own mark.
        os_env: environment variables set while the job runs.
        retries: how often it runs again after it has failed by itself.
        retry_delay: seconds of pause before it does.
        profile: its run is profiled.
        environment: digest of the packages that its interpreter starts with; empty for those
            that its worker has.
    """

    name: str
    python: str
    core_type: str = "c1"
    cores: int = 1
    priority: int = 5
    restartable: bool = True
    kill_process: bool = False
    timeout: float = 0.0
    memory: int = 0
    label: str = ""
    os_env: dict[str, str] | None = None
    retries: int = 0
    retry_delay: float = 0.0
    profile: bool = False
    environment: str = ""

    @property
    def runs_alone(self) -> bool:
        """True when an interpreter must have no other job waiting behind or before this one.

        Such jobs are watched, limited or never repeated, so it must be known which job runs.
        """
        return bool(
            self.kill_process or self.timeout or self.memory or self.os_env or not self.restartable
        )


@value
class SlotPool:
    """Cores of one worker that serve any of these core types."""

    core_types: list[str]
    cores: int


def most_cores(pools: Iterable[SlotPool]) -> dict[str, int]:
    """How many cores of each type one job can have in these, at most."""
    most: dict[str, int] = {}
    for pool in pools:
        for core_type in pool.core_types:
            most[core_type] = max(pool.cores, most.get(core_type, 0))
    return most
