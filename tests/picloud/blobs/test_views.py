"""Views of blobs: not copied, each for itself, and used again when nobody has written to them."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.blobs.views import MOST_IDLE, MOST_MAPPED, Views

SIZE = 1 << 16


class File:
    """A file, whose content is written in place."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.write(content)

    def write(self, content: bytes) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT)
        os.pwrite(descriptor, content, 0)
        os.close(descriptor)

    def opened(self) -> int:
        return os.open(self.path, os.O_RDONLY)


@pytest.fixture
def file() -> Iterator[File]:
    path = Path(f"/dev/shm/picloud-test-{os.getpid()}")
    yield File(path, b"a" * SIZE)
    path.unlink(missing_ok=True)


@pytest.fixture
def views() -> Views:
    return Views(recycles=True)


def idle(views: Views) -> int:
    return len(views._idle)


def test_what_is_written_to_a_view_stays_with_it(views: Views, file: File) -> None:
    one, other = views.open(file.opened(), SIZE), views.open(file.opened(), SIZE)
    one[0] = 0
    assert (other[0], file.path.read_bytes()[0]) == (97, 97)


def test_a_view_that_was_only_read_is_used_again_and_shows_what_is_there_then(
    views: Views, file: File
) -> None:
    view = views.open(file.opened(), SIZE)
    assert bytes(view) == b"a" * SIZE
    del view
    assert idle(views) == 1
    file.write(b"b" * SIZE)
    view = views.open(file.opened(), SIZE)
    assert idle(views) == 0
    assert bytes(view) == b"b" * SIZE


@pytest.mark.parametrize("place", [0, SIZE // 2, SIZE - 1])
def test_a_view_that_was_written_to_is_not(views: Views, file: File, place: int) -> None:
    view = views.open(file.opened(), SIZE)
    view[place] = 0
    del view
    assert idle(views) == 0
    file.write(b"b" * SIZE)
    assert bytes(views.open(file.opened(), SIZE)) == b"b" * SIZE


def test_a_view_is_used_as_long_as_any_part_of_it_is(views: Views, file: File) -> None:
    view = views.open(file.opened(), SIZE)
    part = view[10:20].toreadonly()
    del view
    assert idle(views) == 0
    assert bytes(part) == b"a" * 10
    del part
    assert idle(views) == 1


def test_two_views_at_a_time_do_not_share_a_mapping(views: Views, file: File) -> None:
    one = views.open(file.opened(), SIZE)
    del one
    one, other = views.open(file.opened(), SIZE), views.open(file.opened(), SIZE)
    one[5] = 0
    assert other[5] == 97


def test_a_smaller_blob_in_the_same_file_is_as_long_as_it_is(views: Views, file: File) -> None:
    del_me = views.open(file.opened(), SIZE)
    del del_me
    assert len(views.open(file.opened(), 100)) == 100


def test_a_mapping_of_a_file_that_is_gone_is_let_go_of(views: Views, file: File) -> None:
    view = views.open(file.opened(), SIZE)
    del view
    file.path.unlink()
    other = File(file.path, b"c" * SIZE)
    view = views.open(other.opened(), SIZE)
    assert bytes(view) == b"c" * SIZE
    del view
    assert idle(views) == 1


def test_the_lock_goes_with_the_last_use(views: Views, file: File) -> None:
    import fcntl

    descriptor = file.opened()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    view = views.open(descriptor, SIZE)
    other = file.opened()
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    del view
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_where_files_are_not_used_again_no_mapping_is_kept(file: File) -> None:
    views = Views(recycles=False)
    view = views.open(file.opened(), SIZE)
    del view
    assert idle(views) == 0


def test_few_mappings_are_kept_and_few_files_stay_open(views: Views, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for n in range(3 * MOST_IDLE):
        view = views.open(File(tmp_path / str(n), b"x" * SIZE).opened(), SIZE)
        del view
    assert idle(views) == MOST_IDLE
    assert len(os.listdir("/proc/self/fd")) <= before + 2 * MOST_IDLE


def test_many_views_at_a_time_are_copies(views: Views, file: File) -> None:
    held = [views.open(file.opened(), SIZE) for _ in range(MOST_MAPPED + 5)]
    assert {bytes(each[:3]) for each in held} == {b"aaa"}
    held[-1][0] = 0
    assert held[-2][0] == 97


def test_views_of_many_threads_end_at_the_same_time(views: Views, tmp_path: Path) -> None:
    raised: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, raised.append
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    files = [File(tmp_path / str(n), b"x" * SIZE) for n in range(2 * MOST_IDLE)]

    def use() -> None:
        for file in files * 10:
            assert len(views.open(file.opened(), SIZE)) == SIZE

    threads = [threading.Thread(target=use) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switching)
        sys.unraisablehook = before
    assert raised == []
    assert views.in_use == 0
