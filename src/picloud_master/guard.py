"""The last guard of the rule that a master never unpickles (ADR 8).

No module of the master imports anything that could. Should a library do so one day, Python itself
tells this hook, which ends the process before a class of the pickle is even looked up.
"""

import os
import sys

EXIT_UNPICKLED = 70
"""Exit status of a master that was about to unpickle: EX_SOFTWARE of sysexits.h."""


def forbid_unpickling() -> None:
    """From now on an attempt to unpickle anything but plain values ends this process.

    Only for a process that is nothing but a master: the embedded one lives in a user's program.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        os.write(2, f"a master must not unpickle, and was about to: {arguments!r}\n".encode())
        os._exit(EXIT_UNPICKLED)
