"""What interpreters are started with."""

import sys
from dataclasses import dataclass, field

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
        import_path: where the interpreters look for modules first.
        variables: names of environment variables that jobs may see; everything else stays out.
        executable: the Python to run.
    """

    state_dir: str
    import_path: list[str] = field(default_factory=list)
    variables: tuple[str, ...] = VARIABLES
    executable: str = sys.executable
