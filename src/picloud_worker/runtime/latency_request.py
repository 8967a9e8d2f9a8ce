"""Asks the system to keep its processors awake while jobs go back and forth.

A processor that has nothing to do falls asleep, and takes 15 to 50 µs to wake up, most on a virtual
machine. The way of a single short job through master, agent and interpreter and back has up to
eight such pauses, four tenths of its time. Linux keeps processors awake for those who may write to
`/dev/cpu_dma_latency`, as a rule root; for others nothing changes (ADR 23).
"""

import asyncio
import contextlib
import os
import struct
from pathlib import Path

HOLD = 0.002
"""Seconds that processors are kept awake after the last news of a job. A round trip takes 0.2 to
0.5 ms."""

GRAIN = 0.001
"""Seconds; a shorter delay is none at all for uvloop, which would look again and again."""

DEVICE = Path("/dev/cpu_dma_latency")

AWAKE = struct.pack("i", 0)
"""No processor may take longer than so many µs to wake up: it waits without sleeping."""

ANY = struct.pack("i", 2_000_000_000)
"""The system's own value for no request."""


class LatencyRequest:
    """A request that holds while it is renewed.

    It ends with this process however that ends; if that is killed amid a job, with the last one
    that was forked from it.
    """

    def __init__(self, device: Path = DEVICE) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._file: int | None
        try:
            self._file = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # another system, a container without it, or no permission
            self._file = None

    def renew(self) -> None:
        """Keep the processors awake for another moment."""
        self._until = self._loop.time() + HOLD
        if self._timer is None and self._say(AWAKE):
            self._timer = self._loop.call_at(self._until, self._look)

    def close(self) -> None:
        """Take it back for good."""
        file, self._file = self._file, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if file is not None:
            with contextlib.suppress(OSError):
                os.write(file, ANY)  # a fork of the program may have it open as well
            os.close(file)

    def _look(self) -> None:
        if self._until - self._loop.time() >= GRAIN:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._timer = None
            self._say(ANY)

    def _say(self, word: bytes) -> bool:
        if self._file is None:
            return False
        try:
            os.write(self._file, word)
        except OSError:  # whoever let us open it does not let us write
            self.close()
            return False
        return True
