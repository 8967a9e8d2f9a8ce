"""Blobs in files, as several processes of one machine share them."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.blobs.store import BlobStore
from tests.support.stores import OtherProcess, files_in

DATA = bytes(range(256)) * 256
OTHER = DATA[::-1]


def put(store: BlobStore, data: bytes) -> bytes:
    """Keep it, and hold nothing."""
    pin = store.put(data)
    pin.close()
    return pin.key


def inode(store: BlobStore, key: bytes) -> int:
    return (Path(store.directories[0]) / key.hex()).stat().st_ino


@pytest.fixture
def other(store: BlobStore) -> Iterator[OtherProcess]:
    """Another process that has the store open."""
    with OtherProcess(store) as process:
        yield process


def test_what_one_process_puts_another_one_reads(store: BlobStore, other: OtherProcess) -> None:
    key = other.does("pin = store.put(data); told = pin.key", data=DATA)
    view = store.open(key)
    assert view is not None
    assert bytes(view) == DATA


def test_what_two_processes_put_is_one_file(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    before = inode(store, key)
    assert other.does("told = store.put(data).key", data=DATA) == key
    assert inode(store, key) == before
    assert len(files_in(store)) == 1


def test_a_view_of_another_process_is_undisturbed(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    other.does("view = store.open(key)", key=key)
    store.remove(key)
    assert inode(store, put(store, OTHER)) != first
    assert other.does("told = bytes(view) == data", data=DATA)


def test_a_pin_of_another_process_keeps_the_bytes(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    other.does("pin = store.pin(key)", key=key)
    store.remove(key)
    put(store, OTHER)
    assert other.does("told = pin.read(0, 1 << 20) == data", data=DATA)


def test_what_another_process_writes_to_its_view_stays_there(
    store: BlobStore, other: OtherProcess
) -> None:
    key = put(store, DATA)
    other.does("view = store.open(key); view[:4] = b'mine'", key=key)
    view = store.open(key)
    assert view is not None
    assert bytes(view) == DATA


def test_a_file_is_used_again_when_its_reader_lets_go(
    store: BlobStore, other: OtherProcess
) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    other.does("view = store.open(key); pin = store.pin(key)", key=key)
    other.does("del view; pin.close()")
    store.remove(key)
    assert inode(store, put(store, OTHER)) == first


def test_a_killed_reader_holds_nothing(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    other.does("view = store.open(key); pin = store.pin(key)", key=key)
    other.is_killed()
    store.remove(key)
    assert inode(store, put(store, OTHER)) == first


def test_a_process_that_a_reader_forked_holds_what_it_had(
    store: BlobStore, other: OtherProcess
) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    fork = "read, write = os.pipe(); child = os.fork(); child or (os.read(read, 1), os._exit(0))"
    other.does(f"import os; view = store.open(key); {fork}", key=key)
    other.does("del view")
    store.remove(key)
    assert inode(store, put(store, OTHER)) != first
    other.does("os.write(write, b'x'); os.waitpid(child, 0)")
    second = inode(store, put(store, OTHER))
    store.remove(put(store, OTHER))
    assert inode(store, put(store, DATA)) == second


def test_a_file_that_another_process_has_put_aside_is_used_again(
    store: BlobStore, other: OtherProcess
) -> None:
    key = put(store, DATA)
    first = inode(store, key)
    other.does("store.remove(key)", key=key)
    assert inode(store, put(store, OTHER)) == first
    view = store.open(put(store, OTHER))
    assert view is not None
    assert bytes(view) == OTHER


def test_what_another_process_reads_can_be_spared(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    other.does("view = store.open(key)", key=key)
    assert not store.remove_unread(key)
    assert store.has(key)
    other.does("del view")
    assert store.remove_unread(key)
    assert not store.has(key)
    assert store.remove_unread(key)


def test_what_is_spared_is_never_gone(store: BlobStore, other: OtherProcess) -> None:
    key = put(store, DATA)
    pin = store.pin(key)
    look = "told = all(store.has(key) for _ in range(5000))"
    other.begins(look, key=key)
    for _ in range(500):
        assert not store.remove_unread(key)
    assert other.answers()
    assert pin is not None


def test_what_a_killed_process_was_writing_is_cleared(
    store: BlobStore, other: OtherProcess
) -> None:
    key = put(store, DATA)
    other.does("incoming = store.receive(key); incoming.add(data)", key=key, data=DATA)
    other.is_killed()
    assert len(files_in(store)) == 2
    store.clear(str(other.pid))
    assert files_in(store) == [f"memory/{key.hex()}"]


CHURN = """
def churn(seed, count, keys, datas):
    import random
    chance, held, wrong = random.Random(seed), [], 0
    for _ in range(count):
        number = chance.randrange(len(keys))
        what = chance.choice(["put", "open", "remove", "spare", "let go"])
        if what == "put":
            held.append((number, store.put(datas[number]).read))
        elif what == "open":
            view = store.open(keys[number])
            if view is not None:
                held.append((number, lambda _, size, view=view: bytes(view)))
        elif what == "remove":
            store.remove(keys[number])
        elif what == "spare":
            store.remove_unread(keys[number])
        elif held:
            number, read = held.pop(chance.randrange(len(held)))
            wrong += read(0, 1 << 20) != datas[number]
        del held[8:]
    return wrong
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_processes_that_put_and_remove_at_once_read_what_they_asked_for(
    store: BlobStore, seed: int
) -> None:
    chance = random.Random(seed)
    datas = [chance.randbytes(20_000) for _ in range(3)]
    keys = [put(store, data) for data in datas]
    processes = [OtherProcess(store) for _ in range(3)]
    for number, process in enumerate(processes):
        process.does("exec(source)", source=CHURN)
        process.begins("told = churn(*given)", given=(10 * seed + number, 4000, keys, datas))
    assert [process.answers() for process in processes] == [0, 0, 0]
    for process in processes:
        process.ends()
    for key in keys:
        store.remove(key)
    assert [name for name in files_in(store) if "/spare/" not in name] == []
