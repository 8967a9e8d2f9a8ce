"""Items of a `map` to payloads, a piece at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from picloud.code import functions, signatures, values
from picloud.large_values import Keeper
from picloud.protocol.limits import FRAME_TARGET


class Piece(NamedTuple):
    """Items of a `map` that are sent together."""

    payloads: list[bytes]
    handles: list[list[int]] | None
    roots: set[str]
    origins: Mapping[str, int]


def pieces_of(
    function: Callable[..., Any],
    packed: functions.PackedFunction,
    calls: Iterable[tuple[Any, ...]],
    most: int,
    keeper: Keeper | None,
) -> Iterator[Piece]:
    """Pickle items, and yield at most so many at a time.

    Raises:
        TypeError: the function would refuse the items.
        values.Unpicklable: one cannot be pickled; the text says which.
        values.Oversize: one is too large; the text says which.
        values.NoRoom: there is none for what is large in one.
    """
    check, dumps = packed.check, values.dumps
    payloads: list[bytes] = []
    handles: list[list[int]] | None = None
    notes = values.Notes(keeper)
    if packed.origins:
        notes.origins.update(packed.origins)
    size = 0
    for number, args in enumerate(calls):
        if not payloads:
            try:
                check(*args)  # all items come as equally many arguments
            except TypeError as error:
                signatures.check_again(function, args, {}, error)
        try:
            payload = dumps((args, {}), notes)
        except (values.Unpicklable, values.Oversize) as error:
            raise type(error)(f"item {number}: {error}") from error
        if notes.handles:
            handles = handles or [[] for _ in payloads]
            handles.append(notes.handles)
            notes.handles = []
        elif handles is not None:
            handles.append([])
        payloads.append(payload)
        size += len(payload)
        is_full = len(payloads) >= most or size >= FRAME_TARGET
        if is_full or (keeper is not None and keeper.is_full):
            yield Piece(payloads, handles, notes.roots, notes.origins)
            payloads, handles, size = [], None, 0
    if payloads:
        yield Piece(payloads, handles, notes.roots, notes.origins)


def append(ranges: list[range], jids: range) -> None:
    """Put the ids of a piece's jobs behind those before."""
    if ranges and ranges[-1].stop == jids.start:
        ranges[-1] = range(ranges[-1].start, jids.stop)
    elif jids:
        ranges.append(jids)
