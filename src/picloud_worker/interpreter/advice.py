"""What to do about errors of jobs that come of what has travelled, and what has not."""

import os
import sys

from picloud.code.modules.own_modules import is_installed

_MODULE = (
    "[Modules of your own travel if an import statement leads to them, or import_module() or "
    "__import__() with a constant name: import {name} in the function that needs it. What is "
    "installed has to be installed where the workers run, or in the job's environment.]"
)

_FILE = (
    "[Files beside a module travel only if the module is in a package, what looks for them by "
    "__file__ or importlib.resources is in the same package or imports it, there are not too many, "
    "and _transfer_modules sets no limit: make a package of the two, or open the file in your "
    "program and pass it.]"
)


def advise(error: BaseException, tree: str) -> None:
    """Add a note to an error that means little to who does not know how modules travel.

    Args:
        tree: where the user's modules are; empty if there are none.
    """
    if isinstance(error, ModuleNotFoundError):
        if error.name and not _is_part_of_installed(error.name):
            error.add_note(_MODULE.format(name=error.name))
    elif isinstance(error, FileNotFoundError) and tree:
        file = error.filename
        if isinstance(file, str) and file.startswith(os.path.join(tree, "")):
            error.add_note(_FILE)


def _is_part_of_installed(name: str) -> bool:
    file = getattr(sys.modules.get(name.partition(".")[0]), "__file__", None)
    return isinstance(file, str) and is_installed(file)
