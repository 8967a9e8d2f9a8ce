"""Blobs in files, as one process sees them."""

import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import xxhash

from picloud.blobs import store as store_module
from picloud.blobs.store import BlobStore
from picloud.blobs.views import MOST_MAPPED
from picloud.protocol.payloads import key_of, size_of
from tests.support.stores import OtherProcess, a_store, files_in

DATA = bytes(range(256)) * 256
OTHER = DATA[::-1]


def key_for(data: bytes) -> bytes:
    return key_of(xxhash.xxh3_128(data).digest(), len(data))


def put(store: BlobStore, data: bytes) -> bytes:
    """Keep it, and hold nothing."""
    pin = store.put(data)
    pin.close()
    return pin.key


def read(store: BlobStore, key: bytes) -> bytes:
    view = store.open(key)
    assert view is not None
    return bytes(view)


def inode(store: BlobStore, key: bytes) -> int:
    return (Path(store.directories[0]) / key.hex()).stat().st_ino


# ------------------------------------------------------------------ what is put


@pytest.mark.parametrize("data", [DATA, bytearray(DATA), memoryview(DATA)], ids=type)
def test_a_content_is_known_by_its_digest_and_size(
    store: BlobStore, data: bytes | bytearray | memoryview
) -> None:
    pin = store.put(data)
    assert pin.key == key_for(DATA)
    assert size_of(pin.key) == len(DATA)
    assert read(store, pin.key) == DATA


def test_items_of_several_bytes_are_put_as_bytes(store: BlobStore) -> None:
    pin = store.put(memoryview(DATA).cast("I"))
    assert pin.key == key_for(DATA)


def test_an_empty_content_can_be_put(store: BlobStore) -> None:
    assert read(store, put(store, b"")) == b""


def test_a_content_that_is_put_twice_is_one_file(store: BlobStore) -> None:
    put(store, DATA)
    before = inode(store, key_for(DATA))
    put(store, DATA)
    assert files_in(store) == [f"memory/{key_for(DATA).hex()}"]
    assert inode(store, key_for(DATA)) == before


def test_what_is_on_disk_is_not_put_into_memory_too(store: BlobStore) -> None:
    disk = BlobStore(None, Path(store.directories[1]))
    put(disk, DATA)
    put(store, DATA)
    assert files_in(store) == [f"disk/{key_for(DATA).hex()}"]


def test_nobody_else_may_read_the_store(store: BlobStore) -> None:
    put(store, DATA)
    for each in store.directories:
        assert stat.S_IMODE(os.stat(each).st_mode) == 0o700


def test_what_was_never_put_is_not_here(store: BlobStore) -> None:
    key = key_for(DATA)
    assert not store.has(key)
    assert store.pin(key) is None
    assert store.open(key) is None
    store.remove(key)


def test_blobs_are_found_by_their_age(store: BlobStore) -> None:
    disk = BlobStore(None, Path(store.directories[1]))
    keys = {put(store, DATA), put(disk, OTHER)}
    store.remove(put(store, DATA[1:]))
    incoming = store.receive(key_for(DATA[2:]))
    put(store.below("another"), DATA)
    assert store.older_than(-60) == keys
    assert store.older_than(60) == set()
    incoming.abort()


def test_a_blob_that_somebody_has_made_shorter_is_not_here(store: BlobStore) -> None:
    key = put(store, DATA)
    os.truncate(Path(store.directories[0], key.hex()), 0)
    assert store.open(key) is None
    assert store.pin(key) is None
    assert read(store, put(store, DATA)) == DATA


def test_files_of_others_in_its_directories_are_no_trouble(store: BlobStore) -> None:
    key = put(store, DATA)
    for directory in map(Path, store.directories):
        (directory / ("x" * len(key.hex()))).touch()
        (directory / "spare").mkdir(exist_ok=True)
        (directory / "spare" / "notes").touch()
    assert store.older_than(-60) == {key}
    assert store.remove_unread(key)
    assert read(store, put(store, OTHER)) == OTHER


def test_owners_do_not_see_each_others_blobs(store: BlobStore) -> None:
    key = put(store.below("one"), DATA)
    assert store.below("one").has(key)
    assert not store.below("other").has(key)
    assert not store.has(key)


def test_a_deleted_store_leaves_nothing_behind(store: BlobStore, tmp_path: Path) -> None:
    put(store.below("one"), DATA)
    pin = store.put(DATA)
    store.delete()
    assert list(tmp_path.iterdir()) == []
    assert pin.read(0, 10) == DATA[:10]
    store.delete()


def test_what_cannot_get_its_name_leaves_no_open_file(store: BlobStore) -> None:
    Path(store.directories[0], key_for(DATA).hex()).mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="directory"):
        store._write(key_for(DATA), memoryview(DATA))
    assert len(os.listdir("/proc/self/fd")) == before
    assert files_in(store) == []


# ------------------------------------------------------------------ what is read


def test_what_is_written_to_a_view_stays_with_it(store: BlobStore) -> None:
    key = put(store, DATA)
    mine, other = store.open(key), store.open(key)
    assert mine is not None
    assert other is not None
    mine[:4] = b"mine"
    assert bytes(mine[:4]) == b"mine"
    assert bytes(other) == DATA
    assert read(store, key) == DATA


def test_a_view_is_undisturbed_when_its_blob_is_removed(store: BlobStore) -> None:
    key = put(store, DATA)
    view = store.open(key)
    store.remove(key)
    assert not store.has(key)
    put(store, OTHER)
    assert view is not None
    assert bytes(view) == DATA


def test_the_file_of_a_view_is_used_again_only_when_the_view_is_gone(store: BlobStore) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    view = store.open(key)
    part = memoryview(view)[10:20] if view is not None else None
    del view
    store.remove(key)
    assert inode(store, put(store, OTHER)) != first
    del part
    second = inode(store, key_for(OTHER))
    store.remove(key_for(OTHER))
    assert inode(store, put(store, DATA)) == second


def test_a_file_that_is_used_again_shows_no_bytes_of_before(store: BlobStore) -> None:
    store.remove(put(store, DATA))
    smaller = OTHER[: len(OTHER) // 2]
    assert read(store, put(store, smaller)) == smaller


def test_many_views_do_not_use_up_the_files_that_may_be_open(store: BlobStore) -> None:
    before = len(os.listdir("/proc/self/fd"))
    key = put(store, DATA)
    views = [store.open(key) for _ in range(2 * MOST_MAPPED)]
    assert len(os.listdir("/proc/self/fd")) <= before + 2 * MOST_MAPPED
    last = views[-1]
    assert last is not None
    assert bytes(last) == DATA
    last[:4] = b"mine"
    del views
    assert read(store, key) == DATA


def test_a_pin_reads_a_blob_that_was_removed(store: BlobStore) -> None:
    pin = store.put(DATA)
    store.remove(pin.key)
    put(store, OTHER)
    assert pin.read(0, len(DATA)) == DATA
    assert pin.read(100, 5) == DATA[100:105]
    assert pin.read(len(DATA) - 3, 100) == DATA[-3:]


def test_a_pin_is_closed_once(store: BlobStore) -> None:
    pin = store.put(DATA)
    other = store.pin(pin.key)
    pin.close()
    pin.close()
    store.remove(pin.key)
    assert other is not None
    assert other.read(0, len(DATA)) == DATA


def test_a_view_of_an_empty_blob_is_empty(store: BlobStore) -> None:
    view = store.open(key_for(b""))
    assert view is not None
    assert len(view) == 0


# ------------------------------------------------------------------ what arrives


def test_a_blob_that_arrives_is_here_when_it_is_whole(store: BlobStore) -> None:
    incoming = store.receive(key_for(DATA))
    incoming.add(DATA[:100])
    assert not store.has(key_for(DATA))
    incoming.add(DATA[100:])
    assert not store.has(key_for(DATA))
    assert incoming.finish()
    assert read(store, key_for(DATA)) == DATA


@pytest.mark.parametrize("sent", [OTHER, DATA[:-1], DATA + b"x", b""])
def test_what_is_not_what_its_key_says_is_thrown_away(store: BlobStore, sent: bytes) -> None:
    incoming = store.receive(key_for(DATA))
    incoming.add(sent)
    assert not incoming.finish()
    assert files_in(store) == []


def test_what_does_not_become_whole_is_thrown_away(store: BlobStore) -> None:
    incoming = store.receive(key_for(DATA))
    incoming.add(DATA[:100])
    incoming.abort()
    assert files_in(store) == []


def test_what_arrives_and_is_put_meanwhile_is_one_file(store: BlobStore) -> None:
    incoming = store.receive(key_for(DATA))
    incoming.add(DATA)
    pin = store.put(DATA)
    assert incoming.finish()
    store.remove(pin.key)
    put(store, OTHER)
    assert pin.read(0, len(DATA)) == DATA


# ------------------------------------------------------------------ no room


@pytest.fixture
def little_memory(tmp_path: Path) -> Iterator[Path]:
    """A real file system in memory, of 256 KiB."""
    place = tmp_path / "little"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.getuid() or subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_memory_that_is_nearly_full_is_left_alone(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RESERVE", 1 << 60)
    key = put(store, DATA)
    incoming = store.receive(key_for(OTHER))
    incoming.add(OTHER)
    assert incoming.finish()
    assert files_in(store) == sorted(f"disk/{each.hex()}" for each in (key, key_for(OTHER)))


def test_what_does_not_fit_into_memory_is_put_on_disk(
    little_memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RESERVE", -(1 << 30))  # it takes room for granted
    store = BlobStore(little_memory / "memory", tmp_path / "disk")
    small, large = put(store, DATA), put(store, DATA * 8)
    assert files_in(store) == sorted([f"memory/{small.hex()}", f"disk/{large.hex()}"])
    assert read(store, large) == DATA * 8


def test_a_blob_that_arrives_moves_to_disk_when_memory_is_full(
    little_memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RESERVE", -(1 << 30))
    store = BlobStore(little_memory / "memory", tmp_path / "disk")
    incoming = store.receive(key_for(DATA * 8))
    for _ in range(8):
        incoming.add(DATA)
    assert incoming.finish()
    assert files_in(store) == [f"disk/{key_for(DATA * 8).hex()}"]
    assert read(store, key_for(DATA * 8)) == DATA * 8


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(
    little_memory: Path, tmp_path: Path
) -> None:
    store = BlobStore(None, little_memory)
    with pytest.raises(OSError, match="No space"):
        store.put(DATA * 8)
    assert files_in(store) == []
    assert read(store, put(store, DATA)) == DATA
    incoming = store.receive(key_for(DATA * 8))
    incoming.add(DATA * 2)
    with pytest.raises(OSError, match="No space"):
        incoming.add(DATA * 2)
    incoming.abort()
    assert files_in(store) == [f"little/{key_for(DATA).hex()}"]


def test_a_file_over_the_limit_of_its_process_is_an_error(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    with OtherProcess(store) as other:
        limit = resource.RLIMIT_FSIZE, (len(DATA), len(DATA))
        other.does("import resource; resource.setrlimit(*limit)", limit=limit)
        other.does("put = store.put(data)", data=DATA)
        text = other.does(
            "exec('try: store.put(data * 2)\\nexcept OSError as e: told = e.strerror')", data=DATA
        )
    assert text == "File too large"
    assert files_in(store) == [f"memory/{key_for(DATA).hex()}"]
