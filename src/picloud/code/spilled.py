"""Values whose large parts travel apart, as blobs; see `protocol.payloads`.

What gives its memory away unpickled, as arrays do, is used in place by whoever loads it: its own
copy is made by the kernel, page by page, when it is written to. Large `bytes`, `bytearray`s and
texts cannot be used in place: whoever loads them makes one copy of the blob. Of those that never
change, he gets the copy that he has already.
"""

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from picloud.protocol import limits
from picloud.protocol.payloads import blobs_of, head_of, size_of, spilled

KEPT_BYTES = 256 << 20
"""Bytes of loaded `bytes` and texts that are kept for those who load them again."""

Whole = bytes | bytearray | str
"""What is taken out of a pickle as a whole."""

Place = tuple[bytes, str, int]
"""What stands for it there: the key, the name of its type, and a number that only the same object
has, too, if it can change."""

_TYPES = frozenset({bytes, bytearray, str})
_UTF_8 = "utf-8", "surrogatepass"  # as in a pickle

Keep = Callable[["bytes | memoryview"], bytes]
"""Makes a blob of these bytes and returns its key; an OSError means that there is no room."""

Open = Callable[[bytes], "memoryview | None"]
"""Gives the bytes of a blob by its key, to be written to as the caller likes; None if it is
gone."""


class NoRoom(Exception):  # noqa: N818
    """There is no room for the large parts of a value."""


class BlobGone(LookupError):  # noqa: N818
    """A part of a value is not to be had any more."""


class TooLarge(Exception):  # noqa: N818 - no error: it ends a first attempt
    """A part of the value is better taken out of the pickle."""


class Parts:
    """The large parts of one value."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._buffers: list[bytes] = []  # keys, in the order in which an unpickler asks for them
        self._others: list[bytes] = []
        self._places: dict[int, tuple[Whole, Place]] = {}

    def take(self, item: Whole) -> Place:
        """Make a blob of something large; return what stands for it in the pickle.

        Raises:
            NoRoom: there is none.
        """
        known = self._places.get(id(item))
        if known is not None:
            return known[1]
        data = item.encode(*_UTF_8) if isinstance(item, str) else item
        with memoryview(data) as memory:  # or an error would keep a bytearray's size
            key = self._kept(memory)
        number = len(self._places) if isinstance(item, bytearray) else 0
        place = key, type(item).__name__, number
        self._places[id(item)] = item, place
        self._others.append(key)
        return place

    def take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """What a pickler asks about each piece of memory; True if it goes into the pickle."""
        with buffer.raw() as view:
            if len(view) < limits.SPILL_FROM:
                return True
            self._buffers.append(self._kept(view))
        return False

    def begin_anew(self) -> None:
        """The value is pickled once more."""
        self._buffers.clear()
        self._others.clear()
        self._places.clear()

    def payload(self, pickled: bytes) -> bytes:
        """The payload of what is left of the pickle."""
        keys = self._buffers + self._others
        if len(pickled) >= limits.SPILL_FROM:
            return spilled(b"", [self._kept(pickled), *keys])
        return spilled(pickled, keys) if keys else pickled

    def _kept(self, data: bytes | memoryview) -> bytes:
        try:
            return self._keep(data)
        except OSError as error:
            text = f"there is no room for {len(data) >> 20} MB of a value: {error.strerror}"
            raise NoRoom(text) from error


def is_large(item: Any) -> bool:
    """True if this is better taken out of a pickle as a whole."""
    return type(item) in _TYPES and len(item) >= limits.SPILL_FROM


class Head(io.BytesIO):
    """Where a pickler writes until it meets large bytes, which it hands over whole."""

    def write(self, data: Any) -> int:
        """Take what belongs into the pickle.

        Raises:
            TooLarge: this does not.
        """
        if memoryview(data).nbytes >= limits.SPILL_FROM:
            raise TooLarge
        return super().write(data)


def load(payload: bytes, open_blob: Open) -> Any:
    """Unpickle a payload that names blobs.

    Raises:
        BlobGone: one of them is not to be had.
    """
    keys = blobs_of(payload)
    head: Any = head_of(payload)
    if not head:
        head = _opened(keys.pop(0), open_blob)
    return _Unpickler(io.BytesIO(head), keys, open_blob).load()


def _opened(key: bytes, open_blob: Open) -> memoryview:
    view = open_blob(key)
    if view is None:
        raise BlobGone("a large part of this value is gone: it was deleted")
    return view


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, keys: Sequence[bytes], open_blob: Open) -> None:
        super().__init__(file, buffers=(_opened(key, open_blob) for key in keys))
        self._open = open_blob
        self._found: dict[Place, Whole] = {}

    def persistent_load(self, place: Place) -> Whole:
        found = self._found.get(place)
        if found is None:
            found = self._found[place] = self._load(place)
        return found

    def _load(self, place: Place) -> Whole:
        key, kind, _ = place
        if kind == "bytearray":
            return bytearray(_opened(key, self._open))
        known = _loaded.pop(place, None)
        if known is None:
            _let_go_for(size_of(key))
            view = _opened(key, self._open)
            known = bytes(view) if kind == "bytes" else str(view, *_UTF_8)
        _loaded[place] = known
        return known


def _let_go_for(size: int) -> None:
    """Forget the oldest of what is kept, so that it is not in the way of what comes."""
    for place in list(_loaded):  # other threads may do so, too
        if sum(size_of(key) for key, _, _ in list(_loaded)) + size <= KEPT_BYTES:
            return
        _loaded.pop(place, None)


_loaded: dict[Place, bytes | str] = {}
"""What was loaded, with what was used last at the end."""
