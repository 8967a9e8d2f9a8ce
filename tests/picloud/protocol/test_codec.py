"""Every message class of both registries, with honest and with hostile bytes."""

import sys
import threading
import tracemalloc
from dataclasses import fields
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.codec import Codec
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.wire import TAGS, WIRE
from picloud.protocol.worker_messages import AttemptFailed, AttemptsDone
from picloud.statemachine import value
from picloud_worker.pipe.messages import PIPE
from tests.support.strategies import example, messages, required_fields

CODECS = [WIRE, PIPE]
CLASSES = [(codec, tag, cls) for codec in CODECS for tag, cls in codec._classes.items()]

each_class = pytest.mark.parametrize(
    ("codec", "tag", "cls"),
    CLASSES,
    ids=[f"{'wire' if codec is WIRE else 'pipe'}-{cls.__name__}" for codec, _, cls in CLASSES],
)


def packed(plain: Any) -> bytes:
    """What a peer could send that does not use our codec."""
    frame: bytes = msgpack.packb(plain)
    return frame


def row_of(codec: Codec, message: Any) -> list[Any]:
    """A message's row, as plain items."""
    (row,) = msgpack.unpackb(codec.encode([message]))
    return list(row)


def refused(codec: Codec, frame: bytes) -> str:
    """The text with which a frame is refused."""
    with pytest.raises(RemoteProtocolError) as raised:
        codec.decode(frame)
    return str(raised.value)


# ------------------------------------------------------------------ honest peers


@each_class
@given(data=st.data())
def test_a_message_comes_back_as_it_was(
    codec: Codec, tag: int, cls: type, data: st.DataObject
) -> None:
    message = data.draw(messages(cls))
    assert codec.decode(codec.encode([message])) == [message]


@given(st.lists(st.one_of([messages(cls) for cls in TAGS.values()]), max_size=5))
def test_a_frame_keeps_the_order_of_its_messages(several: list[Any]) -> None:
    assert WIRE.decode(WIRE.encode(several)) == several


@given(st.lists(st.one_of([messages(cls) for cls in TAGS.values()]), max_size=5))
def test_small_messages_share_a_frame_however_it_is_made(several: list[Any]) -> None:
    assert WIRE.encode_frames(several) == ([WIRE.encode(several)] if several else [])


def test_large_messages_are_spread_over_frames() -> None:
    done = [AttemptsDone([i], [i], [bytes(40 << 20)], [0.0]) for i in range(3)]
    frames = WIRE.encode_frames([*done, example(AttemptFailed)])
    assert [len(WIRE.decode(frame)) for frame in frames] == [1, 1, 1, 1]
    assert [message for frame in frames for message in WIRE.decode(frame)][:3] == done


def test_a_frame_can_be_read_from_a_view() -> None:
    message = example(AttemptsDone)
    assert WIRE.decode(memoryview(WIRE.encode([message]))) == [message]


@each_class
def test_an_older_peers_message_lacks_the_fields_that_have_defaults(
    codec: Codec, tag: int, cls: type
) -> None:
    message = example(cls)
    required = required_fields(cls)
    (read,) = codec.decode(packed([row_of(codec, message)[: 1 + required]]))
    for number, field in enumerate(fields(cls)):
        expected = getattr(message, field.name) if number < required else field.default
        assert getattr(read, field.name) == expected


def test_every_message_class_has_one_tag() -> None:
    with pytest.raises(ValueError, match="two tags"):
        Codec({1: Failure, 2: Failure})


# ------------------------------------------------------------------ hostile peers


@each_class
def test_a_missing_field_is_refused(codec: Codec, tag: int, cls: type) -> None:
    row = row_of(codec, example(cls))
    for length in range(1, 1 + required_fields(cls)):
        assert cls.__name__ in refused(codec, packed([row[:length]]))


@each_class
def test_a_field_too_many_is_refused(codec: Codec, tag: int, cls: type) -> None:
    # A newer peer speaks the version that was agreed on, which has no such field.
    assert cls.__name__ in refused(codec, packed([[*row_of(codec, example(cls)), None]]))


NOTHING_OF_OURS = [
    [[[[]]]],
    [{"a": []}],
    {"a": [1]},
    {"a": {"a": 1}},
    {b"a": 1},
    msgpack.ExtType(5, b""),
    -1,
    -(1 << 63),
    (1 << 63),
    (1 << 64) - 1,
    float("nan"),
    float("inf"),
    -float("inf"),
    [float("nan")],
    [float("inf")],
    [-1],
    [1 << 63],
    [1, None],
    ["a", 1],
    [b"a", 1],
    [1, 1.0],
    [True],
]
"""Fits no field of any message."""


@each_class
def test_an_item_that_fits_nowhere_is_refused_in_every_field(
    codec: Codec, tag: int, cls: type
) -> None:
    row = row_of(codec, example(cls))
    for place in range(1, len(row)):
        for item in NOTHING_OF_OURS:
            assert cls.__name__ in refused(codec, packed([[*row[:place], item, *row[place + 1 :]]]))


ITEMS = [None, True, 0, 1, 7, 1.5, "", "text", b"", b"bytes", [], {}, [1], ["a"], [b"a"], [1.5]]


@each_class
def test_an_item_is_taken_only_by_a_field_of_its_type(codec: Codec, tag: int, cls: type) -> None:
    row = row_of(codec, example(cls))
    for place in range(1, len(row)):
        for item in ITEMS:
            changed = [*row[:place], item, *row[place + 1 :]]
            try:
                (read,) = codec.decode(packed([changed]))
            except RemoteProtocolError:
                continue
            # What was taken is a whole message of ours: it has the same bytes, defaults apart.
            left_out = [field.default for field in fields(cls)][len(row_of(codec, read)) - 1 :]
            again = [*row_of(codec, read), *left_out][place]
            assert again == item
            assert type(again) is type(item)


@each_class
def test_a_frame_cut_anywhere_is_refused(codec: Codec, tag: int, cls: type) -> None:
    frame = codec.encode([example(cls)])
    for length in range(len(frame)):
        assert "not a frame" in refused(codec, frame[:length])


@each_class
def test_bytes_after_a_frame_are_refused(codec: Codec, tag: int, cls: type) -> None:
    assert "not a frame" in refused(codec, codec.encode([example(cls)]) + b"\x00")


@given(st.binary(max_size=200))
def test_random_bytes_are_messages_or_refused(frame: bytes) -> None:
    for codec in CODECS:
        try:
            read = codec.decode(frame)
        except RemoteProtocolError:
            continue
        assert codec.decode(codec.encode(read)) == read


@each_class
@given(data=st.data())
def test_a_frame_with_flipped_bytes_is_messages_or_refused(
    codec: Codec, tag: int, cls: type, data: st.DataObject
) -> None:
    frame = bytearray(codec.encode([example(cls)]))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = codec.decode(bytes(frame))
    except RemoteProtocolError:
        return
    assert codec.decode(codec.encode(read)) == read


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(st.sampled_from(CLASSES), st.lists(JSON_LIKE, max_size=8))
def test_random_fields_are_a_message_or_refused(chosen: Any, items: list[Any]) -> None:
    codec, tag, _ = chosen
    try:
        (read,) = codec.decode(packed([[tag, *items]]))
    except RemoteProtocolError:
        return
    assert codec.decode(codec.encode([read])) == [read]


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (None, "a frame holds a list"),
        (5, "a frame holds a list"),
        ({}, "a frame holds a list"),
        ([5], "begins with its tag"),
        ([[]], "begins with its tag"),
        ([["1"]], "begins with its tag"),
        ([[True]], "begins with its tag"),
        ([[1.0]], "begins with its tag"),
        ([[[1]]], "begins with its tag"),
        ([[-1]], "no message has the tag -1"),
        ([[9999]], "no message has the tag 9999"),
        ([[(1 << 64) - 1]], "no message has the tag"),
    ],
)
def test_what_is_no_message_is_refused(plain: Any, text: str) -> None:
    for codec in CODECS:
        assert text in refused(codec, packed(plain))


@pytest.mark.parametrize("depth", [3, 500, 1000, 1020, 1100, 100_000])
@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
def test_deep_nesting_is_refused(depth: int, opening: bytes) -> None:
    hello = WIRE.encode([])[:0] + b"\x91\x95\x01"
    refused(WIRE, opening * depth + b"\x00")
    refused(WIRE, hello + opening * depth + b"\x00" + b"\x01\x01\x01")


def test_a_frame_over_the_limit_is_refused_unread() -> None:
    assert "over the limit" in refused(WIRE, bytes(limits.MAX_FRAME + 1))


def test_a_list_over_the_limit_is_refused() -> None:
    many = [1] * (limits.MAX_ITEMS + 1)
    assert "not a frame" in refused(WIRE, packed([[18, many, True]]))
    assert WIRE.decode(packed([[18, many[1:], True]]))


def test_the_longest_list_of_jobs_fits_beside_the_largest_payload() -> None:
    jobs = [limits.MAX_INT] * limits.MAX_ITEMS
    message = SubmitJobs(SpecNumber(1), JobId(1), [bytes(limits.MAX_PAYLOAD)], depends_on=jobs)
    assert WIRE.decode(WIRE.encode([message])) == [message]


def test_a_list_that_claims_to_be_long_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        refused(WIRE, b"\x91\x93\x12\xdd\xff\xff\xff\xff")
        refused(WIRE, b"\x91\x93\x12\xdd\x00\x03\xff\xff")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_payload_over_the_limit_is_refused() -> None:
    too_large = bytes(limits.MAX_PAYLOAD + 1)
    assert "over the limit" in refused(WIRE, packed([[16, 1, 1, [too_large]]]))
    assert "within the limit" in refused(PIPE, packed([[1, 1, too_large, "3.11", 0, None]]))
    largest = too_large[1:]
    assert WIRE.decode(packed([[16, 1, 1, [largest]]]))


def test_a_text_over_the_limit_is_refused() -> None:
    text = "x" * (limits.MAX_TEXT + 1)
    assert "within the limit" in refused(WIRE, packed([[40, 1, text]]))
    assert WIRE.decode(packed([[40, 1, text[1:]]]))


@pytest.mark.parametrize("item", [b"\xff" * 1000, "x" * 1000, [[1]] * 1000, 1.5, None, -5, True])
def test_a_refusal_is_short_whatever_was_sent(item: Any) -> None:
    assert len(refused(WIRE, packed([[9, item]]))) < 200


def test_a_hostile_item_costs_no_memory_to_refuse() -> None:
    frame = packed([[9, b"\xff" * (4 << 20)]])
    tracemalloc.start()
    try:
        refused(WIRE, frame)
        assert tracemalloc.get_traced_memory()[1] < 6 << 20  # the item once, and no picture of it
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------ our side


def test_a_lone_surrogate_travels() -> None:
    failure = Failure(FailureKind.EXCEPTION, "no such file: \udcff", "OSError")
    message = AttemptFailed(1, 2, failure, 0.5)
    assert WIRE.decode(WIRE.encode([message])) == [message]


def test_bytes_that_are_no_text_are_refused_as_text() -> None:
    assert "not a frame" in refused(WIRE, b"\x91\x93\x28\x01\xa2\xff\xff")


def test_what_cannot_be_encoded_is_our_own_error() -> None:
    with pytest.raises(KeyError):
        WIRE.encode([object()])
    with pytest.raises(OverflowError):
        WIRE.encode([AttemptsDone([1 << 70], [1], [b""], [0.0])])
    assert WIRE.decode(WIRE.encode([example(AttemptsDone)])) == [example(AttemptsDone)]


def test_a_large_frame_leaves_no_buffer_behind() -> None:
    codec = Codec(TAGS)
    message = AttemptsDone([1], [1], [bytes(8 << 20)], [0.0])
    packer = codec._packer
    codec.encode([message])
    assert codec._packer is not packer


def test_threads_may_share_a_codec() -> None:
    failed = AttemptFailed(1, 2, Failure(FailureKind.EXIT, "m" * 100, "t" * 100, "b" * 100), 0.5)
    expected = WIRE.encode([failed] * 20)
    wrong: list[bytes] = []

    def encode() -> None:
        for _ in range(300):
            frame = WIRE.encode([failed] * 20)
            if frame != expected:
                wrong.append(frame)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=encode) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


@value
class Nested:
    """Annotations that no message has yet."""

    scores: list[float | None]
    counts: list[int | None]
    failures: list[Failure]
    failure: Failure | None
    kind: FailureKind | None = None


@given(messages(Nested))
def test_every_annotation_of_the_vocabulary_travels(message: Nested) -> None:
    codec = Codec({1: Nested})
    assert codec.decode(codec.encode([message])) == [message]


@given(st.lists(JSON_LIKE, min_size=4, max_size=5))
def test_every_annotation_of_the_vocabulary_is_checked(items: list[Any]) -> None:
    codec = Codec({1: Nested})
    try:
        (read,) = codec.decode(packed([[1, *items]]))
    except RemoteProtocolError:
        return
    assert codec.decode(codec.encode([read])) == [read]
