"""What an interpreter has finished and not sent yet, in memory that it shares with its agent.

Results wait for company before they are sent. Should the next job never let go of the process, or
end it, the agent finds here what the others have come to; so no job suffers from its neighbour.
Noting one result takes 0.25 µs.

The interpreter writes a record, then how much there is, and begins anew when all of it has been
sent. The word `UNREPORTED` says how often it has begun in its upper half, and how many bytes are
in use in its lower half: as long as it stays the same, nothing that counts is written over.
"""

import struct
from math import isfinite
from typing import Any

from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.usage import Usage
from picloud_worker.interpreter.control import UNREPORTED
from picloud_worker.pipe.messages import PIPE, PIPE_IN, Returned

_RECORD = struct.Struct("<QdI")
"""Sequence number, run time, size. Number 0 is for an encoded message of any other kind."""
_pack = _RECORD.pack_into
_HEADER = _RECORD.size

_USED_BY_ONE = struct.Struct("<ddQ")
"""Before a result that was measured by itself: user and system CPU time, and peak of memory."""

_IS_MEASURED = 1 << 63
"""In the sequence number of such a record."""

_USED = (1 << 32) - 1


class UnreportedWriter:
    """The interpreter's side."""

    def __init__(self, page: memoryview, area: memoryview) -> None:
        self._page = page
        self._area = area
        self._size = len(area)
        self._end = 0
        self._rounds = 0

    def note(self, sequence: int, result: bytes, runtime: float) -> bool:
        """Add a result; False if it does not fit, so that what there is must be sent now."""
        area, begin, size = self._area, self._end, len(result)
        start = begin + _HEADER
        end = start + size
        if end > self._size:
            return False
        _pack(area, begin, sequence, runtime, size)
        area[start:end] = result
        self._end = end
        self._page[UNREPORTED] = self._rounds + end
        return True

    def note_measured(self, sequence: int, result: bytes, runtime: float, usage: Usage) -> bool:
        """The same with what it has used by itself, but for words."""
        used = _USED_BY_ONE.pack(usage.user, usage.system, usage.peak)
        return self.note(sequence | _IS_MEASURED, used + result, runtime)

    def note_message(self, message: object) -> bool:
        """Add anything else that is to be sent."""
        return self.note(0, PIPE.encode([message]), 0.0)

    def clear(self) -> None:
        """All of it has been sent."""
        self._end = 0
        self._rounds += _USED + 1
        self._page[UNREPORTED] = self._rounds


class UnreportedReader:
    """The agent's side. The other is run by strangers: nothing that is there need make sense."""

    def __init__(self, page: memoryview, area: memoryview) -> None:
        self._page = page
        self._area = area
        self._read = 0

    def messages(self) -> list[Any]:
        """What has been noted; nothing if it was read before, or is being sent right now."""
        word: int = self._page[UNREPORTED]
        data = bytes(self._area[: word & _USED])
        if word == self._read or word != self._page[UNREPORTED]:
            return []
        self._read = word
        try:
            return _decode(data)
        except (RemoteProtocolError, struct.error):
            return []  # a job has written here; its interpreter will say what it has to say


def _decode(data: bytes) -> list[Any]:
    found: list[Any] = []
    start = 0
    while start < len(data):
        sequence, runtime, size = _RECORD.unpack_from(data, start)
        start += _HEADER + size
        content = data[start - size : start]
        if not isfinite(runtime):
            raise RemoteProtocolError(f"{runtime} is no run time")
        if not sequence:
            found += PIPE_IN.decode(content)
        elif sequence & _IS_MEASURED:
            used = Usage(runtime, *_USED_BY_ONE.unpack_from(content))
            row = [sequence - _IS_MEASURED], [content[_USED_BY_ONE.size :]], [runtime]
            found.append(Returned(*row, usage=used.packed()))
        elif (
            found
            and type(found[-1]) is Returned
            and found[-1].handles is None
            and not found[-1].usage
        ):
            found[-1].sequences.append(sequence)
            found[-1].results.append(content)
            found[-1].runtimes.append(runtime)
        else:
            found.append(Returned([sequence], [content], [runtime]))
    return found
