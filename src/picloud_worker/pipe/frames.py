"""Length-prefixed frames on a byte stream, without any I/O."""

import struct

from picloud.protocol import limits
from picloud.protocol.errors import RemoteProtocolError

_LENGTH = struct.Struct("<I")
_HEADER = _LENGTH.size


def pack_frame(body: bytes) -> bytes:
    """Put the length before a frame's bytes."""
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0  # bytes of the first frame in the rest, as far as its length is known

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream; return the frames that are complete now.

        Raises:
            RemoteProtocolError: a length is over the limit.
        """
        rest = self._rest
        if not rest:  # frames that arrive whole are cut out of the received bytes, not copied twice
            frames, end = self._cut(data)
            rest += memoryview(data)[end:]
            return frames
        rest += data
        if len(rest) < self._wanted:
            return []
        frames, end = self._cut(rest)
        del rest[:end]
        return frames

    def _cut(self, data: bytes | bytearray) -> tuple[list[bytes], int]:
        frames: list[bytes] = []
        start, size = 0, len(data)
        self._wanted = 0
        with memoryview(data) as view:
            while size - start >= _HEADER:
                (length,) = _LENGTH.unpack_from(view, start)
                if length > limits.MAX_FRAME:
                    raise RemoteProtocolError(f"a frame of {length} bytes is over the limit")
                end = start + _HEADER + length
                if size < end:
                    self._wanted = end - start
                    break
                frames.append(bytes(view[start + _HEADER : end]))
                start = end
        return frames, start
