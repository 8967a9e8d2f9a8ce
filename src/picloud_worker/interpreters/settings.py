"""What interpreters are started with."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

VARIABLES = (
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "PICLOUD_STATE_DIR",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
)


@dataclass(frozen=True)
class InterpreterSettings:
    """How a worker's interpreters are set up.

    Attributes:
        state_dir: an existing directory that no other worker uses; working directories are made
            below it, and what is left of earlier ones is removed.
        import_path: where the interpreters look for modules first, after `libraries`.
        variables: names of environment variables that jobs may see; everything else stays out.
        executable: the Python to run.
        libraries: where our own packages lie.
        changed_variables: what else jobs see, or see otherwise than the worker does.
        environments: where environments are built and kept.
        stores: absolute paths of directories that are removed when the worker is gone, however it
            has ended.
        most_cores: how many cores of each type a job can have at most, where no other workers come.
    """

    state_dir: str
    import_path: list[str] = field(default_factory=list)
    variables: tuple[str, ...] = VARIABLES
    executable: str = sys.executable
    libraries: str = str(Path(__file__).parents[2])
    changed_variables: dict[str, str] = field(default_factory=dict)
    environments: str = ""
    stores: list[str] = field(default_factory=list)
    most_cores: dict[str, int] = field(default_factory=dict)


SLEEPER_BYTES = 16 << 20
"""Memory that is reckoned for an interpreter whose job waits for others: 5.5 MB of its own pages,
and some of what its job holds on to."""

FEWEST_SLEEPERS = 64

MOST_SLEEPERS, MORE_PER_CORE = 256, 32
"""Starting an interpreter takes 10 ms: a recursion without end is to be found out in seconds. With
many cores there are many branches at work, each with sleepers of its own."""


def max_sleepers(available: int, cores: int) -> int:
    """How many jobs may wait for others at the same time: half of the free memory is for them."""
    room = available // 2 // SLEEPER_BYTES
    return max(FEWEST_SLEEPERS, min(room, MOST_SLEEPERS + MORE_PER_CORE * cores))


def available_memory() -> int:
    """Bytes that processes may still take, of the machine or of the container; 0 if unknown."""
    found = [each for each in (_machine_memory(), _container_memory()) if each is not None]
    return max(0, min(found, default=0))


def _machine_memory() -> int | None:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _container_memory() -> int | None:
    limit, used = (_lines(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if not limit or not used or not limit[0].isdigit():
        return None
    return int(limit[0]) - int(used[0])


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
