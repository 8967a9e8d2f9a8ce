"""Payloads that name blobs, from honest and from hostile peers."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import limits
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.payloads import (
    DIGEST_SIZE,
    KEY_SIZE,
    blobs_of,
    head_of,
    is_spilled,
    key_of,
    size_of,
    spilled,
)

DIGESTS = st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE)
KEYS = st.builds(key_of, DIGESTS, st.integers(1, (1 << 64) - 1))
KEY = key_of(bytes(DIGEST_SIZE), 1)


@given(DIGESTS, st.integers(0, (1 << 64) - 1))
def test_a_key_holds_a_digest_and_a_size(digest: bytes, size: int) -> None:
    key = key_of(digest, size)
    assert len(key) == KEY_SIZE
    assert key[:DIGEST_SIZE] == digest
    assert size_of(key) == size


def test_a_blob_of_more_than_64_bits_has_no_key() -> None:
    with pytest.raises(OverflowError):
        key_of(bytes(DIGEST_SIZE), 1 << 64)


@given(st.binary(max_size=100), st.lists(KEYS, min_size=1, max_size=5))
def test_a_payload_names_its_blobs_in_order(head: bytes, keys: list[bytes]) -> None:
    payload = spilled(head, keys)
    assert is_spilled(payload)
    assert blobs_of(payload) == keys
    assert head_of(payload) == head


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("plain", [None, (), (7,), "text", b"\0", [b"\0" * 1000]], ids=repr)
def test_a_pickle_names_no_blobs(plain: object, protocol: int) -> None:
    pickled = pickle.dumps(plain, protocol)
    assert not is_spilled(pickled)
    assert blobs_of(pickled) == []
    assert head_of(pickled) == pickled


def test_an_empty_payload_names_no_blobs() -> None:
    assert blobs_of(b"") == []
    assert bytes(head_of(b"")) == b""


def test_a_payload_names_as_many_blobs_as_the_limit_allows() -> None:
    keys = [KEY] * limits.MAX_BLOBS
    assert blobs_of(spilled(b"head", keys)) == keys


@pytest.mark.parametrize(
    "payload",
    [
        b"\0",
        b"\0\1\0\0",
        b"\0" + bytes(4),
        spilled(b"no keys at all", []),
        spilled(b"", [KEY])[:-1],
        spilled(b"", [KEY, KEY])[: -KEY_SIZE - 1],
        b"\0\xff\xff\xff\xff" + KEY,
        spilled(b"", [KEY] * (limits.MAX_BLOBS + 1)),
        spilled(b"", [KEY, key_of(b"x" * DIGEST_SIZE, 0)]),
    ],
    ids=[
        "no count",
        "half a count",
        "no blobs",
        "no blobs, but a head",
        "half a key",
        "a key too few",
        "a large count",
        "too many keys",
        "an empty blob",
    ],
)
def test_a_malformed_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        blobs_of(payload)
    with pytest.raises(RemoteProtocolError):
        head_of(payload)


@given(st.binary(max_size=200))
def test_random_bytes_are_a_payload_or_refused(rest: bytes) -> None:
    payload = b"\0" + rest
    try:
        keys = blobs_of(payload)
    except RemoteProtocolError:
        return
    assert spilled(bytes(head_of(payload)), keys) == payload
