"""Frames on a byte stream."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.errors import RemoteProtocolError
from picloud_worker.pipe.frames import FrameReader, pack_frame


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(pack_frame, bodies))
    reader, frames, start = FrameReader(), [], 0
    while start < len(stream):
        size = cuts[len(frames) % len(cuts)]
        frames += reader.feed(stream[start : start + size])
        start += size
    assert frames == bodies


def test_several_frames_may_come_at_once() -> None:
    assert FrameReader().feed(pack_frame(b"a") + pack_frame(b"") + b"\1") == [b"a", b""]


def test_a_frame_over_the_limit_is_refused_before_it_has_come() -> None:
    with pytest.raises(RemoteProtocolError, match="over the limit"):
        FrameReader().feed(struct.pack("<I", limits.MAX_FRAME + 1))
