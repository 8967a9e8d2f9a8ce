"""`cloud.inspect`: what a call would send, with sizes and reasons, and what stands in its way."""

import types
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from picloud.code import culprits, functions, signatures, values
from picloud.code.by_name import is_module_importable
from picloud.code.modules.scan import Scan
from picloud.code.modules.ways import described
from picloud.code.unshippable import Unshippable
from picloud.code.wrappers import found_in
from picloud.protocol.payloads import DIGEST_SIZE, key_of
from picloud.statemachine import value

_SHOWN = 40
"""Lines of one kind."""

_NOTABLE = 1 << 20
"""Bytes of a part that is worth a second thought."""


@value
class Part:
    """Something that would travel.

    Attributes:
        place: how it is reached, or its path in the tree of modules.
        size: bytes, as far as it goes alone; None for what cannot travel.
        reason: why it goes along, or why it cannot.
    """

    place: str
    size: int | None
    reason: str


class Inspection:
    """What a call would send.

    Attributes:
        name: of the function.
        values: the function, what it captures, and the arguments.
        modules: the user's own modules, and files of data beside them.
        refused: what cannot travel; then the call would raise SerializationError.
    """

    def __init__(
        self, name: str, values: list[Part], modules: list[Part], refused: list[str]
    ) -> None:
        self.name = name
        self.values = values
        self.modules = modules
        self.refused = refused

    @property
    def size(self) -> int:
        """Bytes in all, of what is not there already."""
        return sum(
            part.size or 0
            for part in (*self.values, *self.modules)
            if not part.reason.startswith(_IN)
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        state = f"{len(self.refused)} refused" if self.refused else "nothing refused"
        return f"<Inspection of {self.name}: {_bytes(self.size)}, {state}>"

    def _lines(self) -> Iterator[str]:
        yield f"{self.name}: {_bytes(self.size)}"
        yield from _table("values", self.values)
        yield from _table("modules", self.modules)
        for text in self.refused:
            yield f"  refused: {text}"


_IN = "captured"


def inspect(
    scan: Callable[[frozenset[str], list[int]], Scan],
    check: Callable[[Mapping[str, int]], None],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Inspection:
    """Look at a call without making it.

    Args:
        scan: finds the user's own modules that some need, and jobs whose handles are passed.
        check: raises ValueError for the handles of other clouds.
        function: what is called.
        args: with these arguments.
        kwargs: and with these.

    Raises:
        TypeError: the function is not callable, or would refuse the arguments.
    """
    if not callable(function):
        raise TypeError(f"the function to run must be callable, not {type(function).__name__}")
    roots: set[str] = set()
    refused: list[str] = []
    found: list[Part] = []
    notes = values.Notes()
    size = _size(function, roots, refused, notes)
    found.append(Part("the function", size, "what runs" + _how(function)))
    for step, part in () if _is_by_name(function) else culprits.parts(function):
        found.append(Part(f"  {step}", _size(part, set(), None), _IN + _how(part)))
    for step, part in culprits.parts((args, kwargs)):
        if step.startswith(("args", "kwargs")):
            found.append(Part(step, _size(part, roots, None), "an argument"))
    _size((args, kwargs), roots, refused, notes)
    modules: list[Part] = []
    try:
        modules = _files(scan(frozenset(roots), notes.handles))
    except Unshippable as error:
        refused.append(described(error, function, (args, kwargs)))
    try:
        check(notes.origins)
    except ValueError as error:
        refused.append(str(error))
    if not refused:
        try:
            functions.pack(function).check(*args, **kwargs)
        except TypeError as error:
            signatures.check_again(function, args, kwargs, error)
    return Inspection(functions.name_of(function), found, modules, refused)


def _is_by_name(item: Any) -> bool:
    return type(item) is types.FunctionType and found_in(item) is not None


def _how(item: Any) -> str:
    """Why an edit of a function does, or does not, reach the job."""
    if type(item) is not types.FunctionType:
        return ""
    place = found_in(item)
    module: Any = item.__module__
    if place is not None:
        return f": found by its name in {place}"
    if not isinstance(module, str) or not is_module_importable(module):
        return ""
    return f": as {module} has made it, so an edit counts once that is reloaded"


def _files(scan: Scan) -> list[Part]:
    return [Part(file.path, len(file.content), scan.reasons[file.path]) for file in scan.tree.files]


def _size(
    item: Any, roots: set[str], refused: list[str] | None, met: values.Notes | None = None
) -> int | None:
    large: dict[bytes, int] = {}  # the same content travels once

    def keep(data: bytes | memoryview) -> bytes:
        digest = blake2b(data, digest_size=DIGEST_SIZE).digest()
        large[digest] = len(data)
        return key_of(digest, len(data))

    notes = values.Notes(keep)
    notes.roots = roots
    if met is not None:
        notes.handles, notes.origins = met.handles, met.origins
    try:
        return len(values.dumps(item, notes)) + sum(large.values())
    except (values.Unpicklable, values.Oversize) as error:
        if refused is not None:
            refused.append(str(error))
        return None


def _table(title: str, parts: list[Part]) -> Iterator[str]:
    if not parts:
        return
    yield f"  {title}"
    shown = parts[:_SHOWN]
    width = max(len(part.place) for part in shown)
    for part in shown:
        size = "cannot travel" if part.size is None else _bytes(part.size)
        mark = "  (large)" if (part.size or 0) >= _NOTABLE else ""
        yield f"    {part.place:{width}}  {size:>13}  {part.reason}{mark}"
    if len(parts) > _SHOWN:
        left = parts[_SHOWN:]
        yield f"    and {len(left)} more, {_bytes(sum(part.size or 0 for part in left))}"


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"
