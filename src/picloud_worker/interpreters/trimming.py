"""Cutting the head off a file that others are writing to."""

import ctypes
import os
import sys

from picloud.protocol import limits

TRIM_AT = 8 << 20
"""Bytes that a file may hold in memory while a job runs."""

_BLOCK = 4096
_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def trim(descriptor: int) -> None:
    """Free what lies before the tail, if it is much.

    A hole keeps every offset as it was, so nothing has to be agreed with whoever writes.
    """
    status = os.fstat(descriptor)
    if status.st_blocks * 512 <= TRIM_AT:
        return
    end = (status.st_size - limits.OUTPUT_TAIL) // _BLOCK * _BLOCK
    if sys.platform == "linux":
        _punch(descriptor, end)
    else:
        os.ftruncate(descriptor, 0)


def _punch(descriptor: int, end: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    length = ctypes.c_int64(end)
    if libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, ctypes.c_int64(0), length) != 0:
        raise OSError(ctypes.get_errno(), "a hole could not be made")
