"""The head of a file can be freed while others write to it, and nothing is moved by that."""

import ctypes
import os
from collections.abc import Iterator

import pytest

from picloud.protocol import limits
from picloud_worker.interpreter.trimming import TRIM_AT, free_head, trim

MEGABYTE = 1 << 20


@pytest.fixture
def file() -> Iterator[int]:
    descriptor = os.memfd_create("output")
    yield descriptor
    os.close(descriptor)


def test_the_head_of_much_is_freed_and_the_tail_keeps_its_place(file: int) -> None:
    size = TRIM_AT + MEGABYTE
    os.write(file, b"x" * size)
    trim(file)
    tail = os.pread(file, size, size - limits.OUTPUT_TAIL)
    assert (memory_of(file) < MEGABYTE, tail) == (True, b"x" * limits.OUTPUT_TAIL)


def test_little_is_left_alone(file: int) -> None:
    os.write(file, b"x" * MEGABYTE)
    trim(file)
    assert memory_of(file) == MEGABYTE


def test_a_file_that_holds_much_more_than_its_size_tells_is_left_alone(file: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    keep_size, start, length = 1, ctypes.c_int64(0), ctypes.c_int64(2 * TRIM_AT)
    assert libc.fallocate(file, keep_size, start, length) == 0
    assert (memory_of(file), os.fstat(file).st_size) == (2 * TRIM_AT, 0)
    trim(file)
    assert os.fstat(file).st_size == 0


def test_what_is_freed_ends_where_it_is_told(file: int) -> None:
    os.write(file, b"x" * MEGABYTE)
    assert free_head(file, MEGABYTE - 3) == MEGABYTE - 3
    assert os.pread(file, 6, MEGABYTE - 6) == b"\0\0\0xxx"


def memory_of(descriptor: int) -> int:
    return os.fstat(descriptor).st_blocks * 512
