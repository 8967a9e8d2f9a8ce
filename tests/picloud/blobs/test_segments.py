"""Files that are written to, put aside and used again."""

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.blobs import segments
from picloud.blobs.places import MEMORY
from picloud.blobs.segments import MOST_MAPPED, WASTE, Segments, read_into, write_at

SIZE = 1 << 16


@pytest.fixture
def files(tmp_path: Path) -> Segments:
    return Segments(tmp_path, recycles=True)


@pytest.fixture
def memory_place() -> Iterator[Path]:
    """A directory in memory."""
    if not MEMORY.is_dir():
        pytest.skip("this system has no file system in memory")
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        yield Path(directory)


def names(place: Path) -> list[str]:
    """The files of a directory, below it, too."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def kept(files: Segments, place: Path, data: bytes, name: str = "blob") -> Path:
    """A file that was written, and named by whoever wanted it."""
    segment = files.take(len(data))
    files.write(segment, memoryview(data))
    os.close(segment.descriptor)
    segment.path.rename(place / name)
    return place / name


def inode_of(path: Path) -> int:
    return path.stat().st_ino


def test_a_new_file_holds_what_was_written(files: Segments, tmp_path: Path) -> None:
    assert kept(files, tmp_path, b"content").read_bytes() == b"content"


def test_a_file_that_was_put_aside_is_used_again(files: Segments, tmp_path: Path) -> None:
    path = kept(files, tmp_path, b"a" * SIZE)
    inode = inode_of(path)
    files.recycle(path)
    again = kept(files, tmp_path, b"b" * SIZE)
    assert inode_of(again) == inode
    assert again.read_bytes() == b"b" * SIZE


def test_a_smaller_blob_is_at_the_beginning_of_a_file_used_again(
    files: Segments, tmp_path: Path
) -> None:
    files.recycle(kept(files, tmp_path, b"a" * SIZE))
    again = kept(files, tmp_path, b"b" * (SIZE // WASTE))
    assert again.read_bytes() == b"b" * (SIZE // WASTE) + b"a" * (SIZE - SIZE // WASTE)


@pytest.mark.parametrize("size", [SIZE + 1, SIZE // WASTE - 1])
def test_a_file_is_not_used_for_a_blob_that_does_not_fit(
    files: Segments, tmp_path: Path, size: int
) -> None:
    path = kept(files, tmp_path, b"a" * SIZE)
    inode = inode_of(path)
    files.recycle(path)
    assert inode_of(kept(files, tmp_path, b"b" * size)) != inode


def test_the_smallest_file_that_fits_is_used(files: Segments, tmp_path: Path) -> None:
    paths = [kept(files, tmp_path, bytes(size), str(size)) for size in (4000, 2000, 3000)]
    inode = inode_of(paths[1])
    for path in paths:
        files.recycle(path)
    assert inode_of(kept(files, tmp_path, bytes(1500))) == inode


def test_a_file_that_this_process_has_mapped_is_used_first(files: Segments, tmp_path: Path) -> None:
    files.recycle(kept(files, tmp_path, bytes(3000)))
    mapped = kept(files, tmp_path, bytes(3000), "mapped")
    inode = inode_of(mapped)
    files.recycle(kept(files, tmp_path, bytes(2000), "smaller"))
    files.recycle(mapped)
    assert inode_of(kept(files, tmp_path, bytes(2000))) == inode


def test_files_that_are_of_no_use_again_are_deleted(tmp_path: Path) -> None:
    files = Segments(tmp_path, recycles=False)
    files.recycle(kept(files, tmp_path, b"content"))
    assert names(tmp_path) == []


def test_files_are_put_aside_up_to_a_limit(
    files: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MAX_SPARE", 2 * SIZE)
    paths = [kept(files, tmp_path, bytes(SIZE), str(number)) for number in range(3)]
    for path in paths:
        files.recycle(path)
    assert len(names(tmp_path)) == 2


def test_a_file_that_is_gone_is_not_put_aside(files: Segments, tmp_path: Path) -> None:
    files.recycle(tmp_path / "gone")
    assert names(tmp_path) == []


def test_what_becomes_no_blob_is_deleted(files: Segments, tmp_path: Path) -> None:
    files.discard(files.take(SIZE))
    assert names(tmp_path) == []


def test_few_files_stay_mapped(files: Segments, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        paths = [kept(files, tmp_path, b"x" * SIZE, str(n)) for n in range(2 * MOST_MAPPED)]
        for path in paths:
            files.recycle(path)
    assert len(os.listdir("/proc/self/fd")) <= before + 2 * MOST_MAPPED


def test_the_memory_of_a_file_that_is_gone_is_let_go(files: Segments, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    files.recycle(kept(files, tmp_path, bytes(SIZE)))
    kept(files, tmp_path, bytes(SIZE)).unlink()  # as if it had been removed while it was read
    assert len(os.listdir("/proc/self/fd")) == before + 2
    files.recycle(kept(files, tmp_path, bytes(3 * SIZE)))
    kept(files, tmp_path, bytes(3 * SIZE))
    assert len(os.listdir("/proc/self/fd")) == before + 2


def test_what_a_process_was_writing_is_cleared(files: Segments, tmp_path: Path) -> None:
    mine = files.take(SIZE)
    kept(files, tmp_path, b"content")
    files.clear(f"{os.getpid()}1")
    files.clear(f"{os.getpid()}"[:-1])
    assert len(names(tmp_path)) == 2
    files.clear(str(os.getpid()))
    assert names(tmp_path) == ["blob"]
    os.close(mine.descriptor)


def test_bytes_are_read_as_they_were_written(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    write_at(descriptor, b"cde", 2)
    write_at(descriptor, memoryview(b"ab"), 0)
    memory = bytearray(4)
    read_into(descriptor, memoryview(memory))
    os.close(descriptor)
    assert memory == b"abcd"


def test_what_is_not_put_aside_gives_its_memory_back_even_if_it_is_still_mapped(
    memory_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MAX_SPARE", SIZE)
    files = Segments(memory_place, recycles=True)
    first, second = (kept(files, memory_place, b"a" * SIZE, name) for name in ("1", "2"))
    with open(second, "r+b") as file, mmap.mmap(file.fileno(), SIZE) as mapping:
        files.recycle(first)
        files.recycle(second)
        status = os.fstat(file.fileno())
        assert (status.st_nlink, status.st_blocks, status.st_size) == (0, 0, SIZE)
        assert mapping[:1] == b"\0"  # nobody should look; who does so all the same lives on


def test_what_is_still_read_keeps_its_memory(
    memory_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MAX_SPARE", 0)
    files = Segments(memory_place, recycles=True)
    path = kept(files, memory_place, b"a" * SIZE)
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        files.recycle(path)
        assert not path.exists()
        assert file.read() == b"a" * SIZE
