"""All modules of a package, as code finds them that looks for some."""

import os
from collections import deque
from collections.abc import Iterator

from picloud.code.modules.file_watch import FileWatch
from picloud.code.modules.own_modules import Finder, submodules

_NEVER = frozenset({"__pycache__", "node_modules"})
"""Directories in which nobody looks for modules."""

_MOST_BARE = 1_000
"""Directories without a file of their own that are gone through: any number may hold no modules."""


def modules_below(finder: Finder, watch: FileWatch, package: str) -> Iterator[str]:
    """The names of a package and of all own modules below it, in directories of any kind.

    A directory that has been gone through already is left out, as links may lead to it again, and
    so are links to directories that are no packages by a file of their own: they lead anywhere.

    Args:
        finder: of the walk.
        watch: looks from now on at the directories that are gone through.
        package: its full name.
    """
    line, seen, bare = deque([package]), set[str](), 0
    while line:
        name = line.popleft()
        found = finder.find(name)
        if found is None:
            continue
        if not found.path and not found.is_extension and name != package:
            bare += 1
            if bare > _MOST_BARE or any(map(os.path.islink, found.locations or ())):
                continue
        places = [each for each in found.locations or () if os.path.realpath(each) not in seen]
        if (found.path or found.is_extension) and (places or not found.locations):
            yield name
        seen.update(map(os.path.realpath, places))
        watch.add("", places)
        line += [f"{name}.{each}" for each in submodules(places) if each not in _NEVER]
