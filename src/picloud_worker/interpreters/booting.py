"""The start of a zygote's process. It imports little: its agent imports the rest meanwhile."""

import json
import os
import secrets
import socket
import subprocess
from dataclasses import dataclass

from picloud_worker.interpreters.settings import InterpreterSettings

MARK = "PICLOUD_ZYGOTE"
"""Environment variable by which everything below a zygote can be found when it has died."""

_BOOTSTRAP = (
    "import json, sys; boot = json.loads(sys.argv[1]); "
    "sys.path[:] = boot['path'] + [each for each in sys.path if each not in boot['path']]; "
    "from picloud_worker.interpreter.zygote import main; "
    "main(boot['control'], boot['agent'], boot['stores'], boot['most_cores'])"
)


@dataclass(frozen=True)
class BootedZygote:
    """The process of a zygote that nobody has spoken to yet.

    Attributes:
        process: it.
        control: our end of its socket. It ends when this is closed.
        mark: what it has as `MARK`.
    """

    process: subprocess.Popen[bytes]
    control: socket.socket
    mark: str


def boot(settings: InterpreterSettings) -> BootedZygote:
    """Start one.

    Raises:
        OSError: there is no room for it, or no such Python.
    """
    mark = secrets.token_hex(8)
    control, far_end = socket.socketpair()
    try:
        with far_end:
            process = _start(settings, far_end.fileno(), mark)
    except OSError:
        control.close()
        raise
    control.setblocking(False)
    return BootedZygote(process, control, mark)


def _start(settings: InterpreterSettings, control: int, mark: str) -> subprocess.Popen[bytes]:
    ours = settings.libraries
    path = [absolute for each in settings.import_path if (absolute := _absolute(each))]
    boot = {
        "path": [*([] if ours in path else [ours]), *path],
        "control": control,
        "agent": os.getpid(),
        "stores": settings.stores,
        "most_cores": settings.most_cores,
    }
    environment = {name: os.environ[name] for name in settings.variables if name in os.environ}
    return subprocess.Popen(
        [settings.executable, "-I", "-c", _BOOTSTRAP, json.dumps(boot)],
        env={**environment, **settings.changed_variables, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(control,),
        start_new_session=True,
    )


def _absolute(directory: str) -> str | None:
    """The directory wherever the zygote runs; None for the current one, if that was deleted."""
    try:
        return os.path.abspath(directory)
    except FileNotFoundError:
        return None
