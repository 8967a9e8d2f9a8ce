"""Values whose large parts travel apart."""

import errno
import hashlib
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.code import spilled, values
from picloud.protocol import limits
from picloud.protocol.payloads import blobs_of, head_of, is_spilled, key_of

LARGE = limits.SPILL_FROM


class Blobs:
    """Keeps blobs in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def keep(self, data: bytes | memoryview) -> bytes:
        content = bytes(data)
        key = key_of(hashlib.md5(content).digest(), len(content))
        self.kept[key] = content
        return key

    def open(self, key: bytes) -> memoryview | None:
        content = self.kept.get(key)
        return None if content is None else memoryview(bytearray(content))

    def dumps(self, value: Any) -> bytes:
        return values.dumps(value, values.Notes(self.keep))

    def loads(self, payload: bytes) -> Any:
        return values.loads(payload, self.open)


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


def large_bytes(letter: bytes = b"x") -> bytes:
    return letter * LARGE


def large_array() -> "np.ndarray[Any, Any]":
    return np.arange(LARGE // 8)


def equal(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


LAYOUTS: dict[str, tuple[Any, int]] = {
    # a value, and how many blobs it takes
    "bytes": (large_bytes(), 1),
    "bytes just too small": (large_bytes()[100:], 0),
    "an array": (large_array(), 1),
    "an array just too small": (large_array()[100:], 0),
    "a call with bytes": (((large_bytes(), 1), {"b": large_bytes(b"y")}), 2),
    "a tuple with bytes": ((1, large_bytes()), 1),
    "bytes deep inside": ([{"a": [large_bytes()]}], 1),
    "both": ([large_bytes(), large_array(), large_bytes(b"y"), large_array() + 1], 4),
    "the same bytes twice": ([large_bytes(), large_bytes()], 2),
    "a text": ("x" * LARGE, 1),
    "a text just too small": ("x" * (LARGE - 100), 0),
    "a text of any letters": ("xä€\U0001f600" * LARGE, 1),
    "a text with halves of letters": ("x\ud800" * LARGE, 1),
    "texts deep inside": ([{"a": ["x" * LARGE, "ä" * LARGE]}], 2),
    "a tuple with a text": ((1, "x" * LARGE), 1),
    "a call with a text": ((("x" * LARGE,), {"b": "y" * LARGE}), 2),
    "a bytearray": (bytearray(LARGE), 1),
    "all kinds": ([b"x" * LARGE, "x" * LARGE, bytearray(b"x" * LARGE)], 3),
    "a large number": (1 << (8 * LARGE), 1),
    "many small things": (list(range(LARGE)), 1),
    "many small things and an array": ([large_array(), list(range(LARGE))], 2),
    "an array in the order of columns": (np.asfortranarray(large_array().reshape(64, -1)), 1),
    "part of an array, with gaps": (np.arange(LARGE)[::2], 1),
    "nothing": (np.zeros(0), 0),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_value_comes_back_equal(name: str, blobs: Blobs) -> None:
    value, count = LAYOUTS[name]
    payload = blobs.dumps(value)
    assert len(blobs_of(payload)) == count
    back = blobs.loads(payload)
    assert type(back) is type(value)
    is_equal = all(map(equal, back, value)) if isinstance(value, list) else equal(back, value)
    assert is_equal


@given(st.recursive(st.binary() | st.integers(0, 8), st.lists))
def test_any_nest_of_bytes_comes_back(nest: Any) -> None:
    value = _with_large(nest)
    blobs = Blobs()
    comes_back = blobs.loads(blobs.dumps(value)) == value
    assert comes_back  # to compare and show megabytes would take for ever


def _with_large(nest: Any) -> Any:
    """Large bytes for each number."""
    if isinstance(nest, list):
        return [_with_large(each) for each in nest]
    return nest if isinstance(nest, bytes) else bytes([nest]) * LARGE


def test_what_is_left_of_a_pickle_is_small(blobs: Blobs) -> None:
    payload = blobs.dumps([large_bytes(), large_array(), "x" * LARGE, bytearray(LARGE)])
    assert len(head_of(payload)) < 1000


def test_a_large_pickle_is_a_blob_itself(blobs: Blobs) -> None:
    assert not head_of(blobs.dumps(list(range(LARGE))))


def test_an_array_can_be_written_to_and_the_blob_stays_as_it_is(blobs: Blobs) -> None:
    payload = blobs.dumps(large_array())
    first = blobs.loads(payload)
    first[0] = -1
    assert blobs.loads(payload)[0] == 0


def test_an_array_that_must_not_be_written_to_must_not_be_so_there(blobs: Blobs) -> None:
    array = large_array()
    array.flags.writeable = False
    assert not blobs.loads(blobs.dumps(array)).flags.writeable


def test_bytes_that_were_loaded_before_are_the_same_object(blobs: Blobs) -> None:
    payload = blobs.dumps([large_bytes(b"once")])
    assert blobs.loads(payload)[0] is blobs.loads(payload)[0]


def test_so_are_texts(blobs: Blobs) -> None:
    payload = blobs.dumps(["once" * LARGE])
    assert blobs.loads(payload)[0] is blobs.loads(payload)[0]


def test_bytearrays_are_shared_there_as_they_were_here(blobs: Blobs) -> None:
    shared = bytearray(LARGE)
    one, other, third = blobs.loads(blobs.dumps([shared, shared, bytearray(LARGE)]))
    assert one is other
    assert one == third
    assert one is not third


def test_a_bytearray_belongs_to_whoever_loads_it(blobs: Blobs) -> None:
    payload = blobs.dumps(bytearray(LARGE))
    blobs.loads(payload)[0] = 1
    assert blobs.loads(payload)[0] == 0


SIZE = 16 << 20
KINDS: dict[str, Callable[[], Any]] = {
    "bytes": lambda: bytes(SIZE),
    "a bytearray": lambda: bytearray(SIZE),
    "a text": lambda: "x" * SIZE,
    "a list of bytes": lambda: [bytes(SIZE), bytes(SIZE)],
    "a call": lambda: ((1, "x" * SIZE), {"b": bytearray(SIZE)}),
    "an array": lambda: np.zeros(SIZE // 8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_to_make_a_payload_takes_memory_only_to_encode_a_text(kind: str) -> None:
    value = KINDS[kind]()
    key = key_of(bytes(16), SIZE)
    copies = 1 if kind in ("a text", "a call") else 0
    peak = peak_of(lambda: values.dumps(value, values.Notes(lambda _data: key)))
    assert peak < copies * SIZE + SIZE // 16


@pytest.mark.parametrize("kind", KINDS)
def test_to_load_it_takes_one_copy(kind: str, blobs: Blobs) -> None:
    payload = blobs.dumps(KINDS[kind]())
    opened = {key: memoryview(bytearray(content)) for key, content in blobs.kept.items()}
    expected = 0 if kind == "an array" else sum(map(len, opened.values()))
    assert peak_of(lambda: values.loads(payload, opened.get)) < expected + SIZE // 16


def peak_of(run: Callable[[], Any]) -> int:
    """Bytes that are taken at most at one time."""
    run()  # what is imported and kept is so now
    spilled._loaded.clear()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_kept_makes_room_before_more_is_loaded(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilled, "KEPT_BYTES", 3 * LARGE)
    for letter in b"abcde":
        payload = blobs.dumps(bytes([letter]) * LARGE)

        def opened(key: bytes) -> memoryview | None:
            assert len(spilled._loaded) <= 2
            return blobs.open(key)

        values.loads(payload, opened)
    assert len(spilled._loaded) == 3


def test_a_bytearray_can_grow_again_amid_the_error_that_there_was_no_room_for_it() -> None:
    def full(_data: bytes | memoryview) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    data = bytearray(LARGE)
    try:
        values.dumps(data, values.Notes(full))
    except values.NoRoom:
        data.append(1)
    assert len(data) == LARGE + 1


def test_a_shared_array_is_shared_there_too(blobs: Blobs) -> None:
    array = large_array()
    one, other = blobs.loads(blobs.dumps([array, array]))
    assert one is other


def test_a_function_that_has_captured_something_large_travels(blobs: Blobs) -> None:
    data = large_bytes()
    payload = blobs.dumps(lambda: len(data))
    assert is_spilled(payload)
    assert blobs.loads(payload)() == LARGE


def test_without_a_place_for_blobs_a_value_stays_in_one_piece() -> None:
    assert len(pickle.loads(values.dumps(large_bytes()))) == LARGE


def test_a_blob_that_is_gone_is_an_error_that_says_so(blobs: Blobs) -> None:
    payload = blobs.dumps([large_array()])
    blobs.kept.clear()
    with pytest.raises(spilled.BlobGone, match="was deleted"):
        blobs.loads(payload)


@pytest.mark.parametrize("value", [large_bytes(), [large_array()], "x" * LARGE], ids=type)
def test_no_room_is_an_error_that_says_what_there_is_no_room_for(value: Any) -> None:
    def full(_data: bytes | memoryview) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(values.NoRoom, match=r"no room for .* MB of a value: No space left"):
        values.dumps(value, values.Notes(full))


def test_what_cannot_be_pickled_is_named_whatever_else_is_large(blobs: Blobs) -> None:
    import threading

    with pytest.raises(values.Unpicklable, match="lock"):
        blobs.dumps([large_bytes(), threading.Lock()])
