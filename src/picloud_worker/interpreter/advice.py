"""What to do about errors of jobs that come of what has travelled, and what has not."""

import os
import re
import sys

from picloud.code.by_name import is_everywhere
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


_NO_ATTRIBUTE = re.compile(
    r"Can't get attribute '[^']+' on <module '(?P<module>[^']+)'"
    r"|module '(?P<owner>[^']+)' has no attribute '[^']+'"
)


def advice_on_name(message: str) -> str:
    """What to add to the message of an AttributeError if a module of the user lacks a name."""
    found = _NO_ATTRIBUTE.search(message)
    module = (found["module"] or found["owner"]) if found else "builtins"
    if is_everywhere(module) or _is_part_of_installed(module):
        return ""
    return (
        f" [This is {module!r} as its file is now: if an edit has removed the name, reload the "
        "module in your program; what your program has set there itself does not travel.]"
    )


def _is_part_of_installed(name: str) -> bool:
    file = getattr(sys.modules.get(name.partition(".")[0]), "__file__", None)
    return isinstance(file, str) and is_installed(file)
