"""Values whose large parts travel apart, as blobs; see `protocol.payloads`.

What gives its memory away unpickled, as arrays do, is used in place by whoever loads it: its own
copy is made by the kernel, page by page, when it is written to. Large `bytes` cannot be used in
place; they never change, so those who load them again get the ones that they have.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from picloud.protocol import limits
from picloud.protocol.payloads import blobs_of, head_of, size_of, spilled

KEPT_BYTES = 256 << 20
"""Bytes of loaded `bytes` that are kept for those who load them again."""

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

    def take_bytes(self, data: bytes) -> bytes:
        """Make a blob of bytes; return its key.

        Raises:
            NoRoom: there is none.
        """
        key = self._kept(data)
        self._others.append(key)
        return key

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

    def persistent_load(self, key: Any) -> bytes:
        known = _loaded.get(key)
        if known is None:
            known = _loaded[key] = bytes(_opened(key, self._open))
        _loaded.move_to_end(key)
        while len(_loaded) > 1 and sum(map(size_of, _loaded)) > KEPT_BYTES:
            _loaded.popitem(last=False)
        return known


_loaded: OrderedDict[bytes, bytes] = OrderedDict()
