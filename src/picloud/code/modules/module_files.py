"""The files behind own modules: what is in them."""

import marshal
import os
from collections.abc import Callable
from pathlib import Path
from types import CodeType

from picloud.code.imports import Import, read_code
from picloud.code.modules.own_modules import OwnModule
from picloud.code.modules.source_imports import Reading, read_source
from picloud.code.unshippable import Unshippable

_PYC_HEADER = 16

_GONE = (
    "module {module.name} was imported from {module.file}, which is there no more: put it back, or "
    "start the program again without it"
)


def content_of(module: OwnModule) -> tuple[bytes, Callable[[bytes], Reading]]:
    """What to send for a module, and how to read it.

    A module whose file is gone is sent as it was compiled when it was imported, or as its lines
    are still known.

    Raises:
        Unshippable: there is nothing left of it, or it cannot be read.
    """
    if module.loader is not None:
        return _source_of(module), read_source
    path = Path(module.file)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _remembered(module), read_source
    except OSError as error:
        raise Unshippable(f"module {module.name} cannot be read: {error}") from error
    return content, read_compiled if path.suffix == ".pyc" else read_source


def _source_of(module: OwnModule) -> bytes:
    """What a loader says that is not Python's own, or that reads an archive."""
    try:
        source = module.loader.get_source(module.name)
    except Exception:  # noqa: BLE001 - it may be anybody's
        source = None
    if not isinstance(source, str) and not os.path.exists(module.file):
        raise Unshippable(_GONE.format(module=module))
    if not isinstance(source, str):
        raise Unshippable(
            f"module {module.name} was loaded from {module.file} by {type(module.loader).__name__}"
            ", which does not give its source: write it to a file of Python"
        )
    return source.encode()


def _remembered(module: OwnModule) -> bytes:
    import linecache

    lines = linecache.getlines(module.file)
    if not lines:
        raise Unshippable(_GONE.format(module=module))
    return "".join(lines).encode()


def read_compiled(content: bytes) -> Reading:
    """What a compiled module without its source imports."""
    try:
        code = marshal.loads(content[_PYC_HEADER:])
    except (EOFError, ValueError, TypeError) as error:  # it is being written, perhaps
        return Reading([], computes_names=False, reads_data=False, flaw=str(error))
    if not isinstance(code, CodeType):
        return Reading([], computes_names=False, reads_data=False, flaw="it holds no code")
    return Reading(
        [Import(one.module, one.names, one.level, True) for one in read_code(code)],
        computes_names=True,
        reads_data=True,
        reads_others=True,
        lists=True,
    )
