"""Files of own packages that are no modules: which these are, and what is in them.

Packages lie in directories or in archives. Only regular files count: opening a pipe waits for
somebody who writes into it.
"""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from picloud.code.modules.file_watch import FileWatch
from picloud.code.modules.own_modules import OwnModule
from picloud.code.unshippable import Unshippable

MAX_DATA = 64 << 20
"""Bytes of data files of one package."""

_NAMED = 3
"""So many of the largest files are named when there is too much."""

_SUFFIXES = (".py", ".pyc", ".so", ".pyd")
_INIT = "__init__.py"


class TooMuchData(Unshippable):
    """The files of a package are too large together."""


class _Found(NamedTuple):
    path: str  # below the package, with slashes
    size: int
    place: str  # its path, or its name in the archive


def data_files(package: OwnModule, watch: FileWatch) -> Iterator[tuple[str, bytes]]:
    """Files of a package that are no modules, with their paths below it.

    What makes packages of the directories that they lie in comes along: whoever reads files may
    name these.

    Raises:
        TooMuchData: it is in the way.
    """
    archive = getattr(package.loader, "archive", None)
    if isinstance(archive, str):
        yield from _in_archive(archive, package.locations or ())
        return
    for location in package.locations or ():
        for found in _checked(location, _in_directory(location, watch)):
            watch.add(found.place)
            try:
                with open(found.place, "rb") as file:
                    content = file.read()
            except OSError:  # what this program cannot read it does not need
                continue
            yield found.path, content


def _checked(location: str, found: Iterable[_Found]) -> list[_Found]:
    """All of them.

    Raises:
        TooMuchData: they are too large together.
    """
    kept: list[_Found] = []
    total = 0
    for each in found:
        kept.append(each)
        total += each.size
        if total > MAX_DATA:
            largest = sorted(kept, key=lambda one: one.size, reverse=True)[:_NAMED]
            names = ", ".join(f"{one.path} ({one.size >> 20} MB)" for one in largest)
            raise TooMuchData(
                f"a module in {location} looks for files beside itself, and these are over "
                f"{MAX_DATA >> 20} MB, such as {names}: name the modules that are to travel in "
                "_transfer_modules, then no other files do"
            )
    return kept


def _in_directory(location: str, watch: FileWatch) -> Iterator[_Found]:
    for directory, directories, names in os.walk(location):
        watch.add_data(directory)
        directories[:] = sorted(one for one in directories if _may_hold_data(one))
        below = os.path.relpath(directory, location).replace(os.sep, "/")
        for name in _chosen(names):
            file = os.path.join(directory, name)
            try:
                state = os.stat(file)
            except OSError:  # a link that leads nowhere
                continue
            if stat.S_ISREG(state.st_mode):
                path = name if below == os.curdir else f"{below}/{name}"
                yield _Found(path, state.st_size, file)


def _in_archive(archive: str, locations: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The archive itself is looked at with the package."""
    try:
        with zipfile.ZipFile(archive) as opened:
            sizes = {each.filename: each.file_size for each in opened.infolist()}
            for location in locations:
                inside = os.path.relpath(location, archive).replace(os.sep, "/") + "/"
                members = _members(sizes, inside)
                for found in _checked(location, members):
                    yield found.path, opened.read(found.place)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError):  # rewritten now, perhaps
        return  # Python reads archives in another way, and may find modules in this one


def _members(sizes: dict[str, int], inside: str) -> Iterator[_Found]:
    directories: dict[str, list[str]] = {}
    for member in sorted(sizes):
        directory, _, name = member.removeprefix(inside).rpartition("/")
        if member.startswith(inside) and name and all(map(_may_hold_data, directory.split("/"))):
            directories.setdefault(directory, []).append(name)
    for directory, names in directories.items():
        for name in _chosen(names):
            path = f"{directory}/{name}" if directory else name
            yield _Found(path, sizes[inside + path], inside + path)


def _chosen(names: Iterable[str]) -> list[str]:
    data = sorted(
        name for name in names if not name.startswith(".") and not name.endswith(_SUFFIXES)
    )
    return [*data, _INIT] if data and _INIT in names else data


def _may_hold_data(directory: str) -> bool:
    return not directory.startswith(".") and directory not in ("__pycache__", "node_modules")
