"""Freeing the head of a file that others are writing to.

A hole keeps every offset as it was, so nothing has to be agreed with whoever writes or reads.
"""

import ctypes
import os
import sys

from picloud.protocol import limits

TRIM_AT = 8 << 20
"""Bytes that a file may hold in memory while a job runs."""

_KEEP_SIZE, _PUNCH_HOLE = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


def trim(descriptor: int) -> None:
    """Free what lies before the tail, if it is much."""
    status = os.fstat(descriptor)
    if status.st_blocks * 512 > TRIM_AT:
        free_head(descriptor, status.st_size - limits.OUTPUT_TAIL)


def free_head(descriptor: int, end: int) -> int:
    """Free all before `end`, and return where the file goes on: there, or at its beginning.

    `end` may be below 0: a job can make a file hold more than its size tells.
    """
    if sys.platform != "linux":  # no holes
        os.ftruncate(descriptor, 0)
        return 0
    if end > 0:
        _punch(descriptor, end)
    return end


def _punch(descriptor: int, end: int) -> None:
    start, length = ctypes.c_int64(0), ctypes.c_int64(end)
    if _libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, start, length) != 0:
        raise OSError(ctypes.get_errno(), "a hole could not be made")
