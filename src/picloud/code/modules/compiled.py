"""Own modules that are compiled for this machine, which jobs on the same machine load in place.

They do not travel: what they are linked with lies beside them. Instead a file of the tree says
where each of them is. It changes when one of them does, so that an interpreter keeps to one build.
"""

import os
from collections.abc import Iterable, Mapping
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader

INDEX = ".compiled"
"""The file of a tree. One in a directory below makes a package of what is compiled only."""

_END = "\n"
_BETWEEN = "\0"


class InPlaceLoader(ExtensionFileLoader):
    """Loads a compiled module from where it was built."""


def index_of(files: Mapping[str, str]) -> bytes:
    """What to write down, of the files of modules by their names."""
    return "".join(
        _BETWEEN.join((name, os.path.abspath(file), _state_of(file))) + _END
        for name, file in sorted(files.items())
    ).encode("utf-8", "surrogateescape")


def _state_of(file: str) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def files_of(index: bytes) -> dict[str, str]:
    """The files by names of modules, of those that this Python can load."""
    lines = index.decode("utf-8", "surrogateescape").split(_END)
    pairs = (line.split(_BETWEEN)[:2] for line in lines if line)
    return {name: file for name, file in pairs if file.endswith(tuple(EXTENSION_SUFFIXES))}


def paths_of(names: Iterable[str]) -> list[str]:
    """The files of the tree that make packages of their parents."""
    parents = {name.rpartition(".")[0] for name in names}
    return sorted(f"{each.replace('.', '/')}/{INDEX}" for each in parents if each)
