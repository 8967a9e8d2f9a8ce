"""What jobs write: three files shared with the agent, and the tails of one job in them.

stdout and stderr are files, not pipes: a job that is not read cannot block, and what a job wrote
survives its process. They only grow: what has been sent is freed, and leaves a hole.
"""

import faulthandler
import io
import logging
import os
import sys

from picloud.protocol import limits
from picloud_worker.interpreter.control import STARTS
from picloud_worker.interpreter.trimming import free_head
from picloud_worker.pipe.messages import Wrote

BEGIN = 1 << 12
"""Where the text of a job begins at least, after a hole. A file that ends before was emptied by its
job, as `echo text >/dev/stderr` does; there is no other way to tell. Jobs that limit the size of
files must have room left."""

FREE_AT = 1 << 20
"""A file that holds more than this is emptied between two jobs."""


class LogHandler(logging.Handler):
    """The root logger's handler: writes to the third file, and remembers that it did."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._descriptor = descriptor
        self.wrote = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - logging's own rule: a bad record must not end the job
            self.handleError(record)
            return
        os.write(self._descriptor, f"{text}\n".encode("utf-8", "backslashreplace"))
        self.wrote = True


class OutputCapture:
    """The three files, as the interpreter sees them.

    `files` are private duplicates: a job may close or redirect descriptors 1 and 2 as it likes.
    """

    def __init__(self, files: tuple[int, int, int], words: memoryview) -> None:
        self._files = files
        self._words = words
        self._starts = [BEGIN] * 3
        self._holes = [BEGIN] * 3  # where each file's memory begins
        for place, descriptor in enumerate(files):
            words[STARTS + place] = BEGIN
            os.ftruncate(descriptor, BEGIN)
        self._log = LogHandler(files[2])
        self._stdout = self._stderr = _text_file(1)
        self.install()

    def install(self) -> None:
        """Put everything in its place, where a job may have changed it."""
        self._open_streams()
        faulthandler.enable(2)
        self.restore()

    def restore(self) -> None:
        """The cheap part of `install`, between two jobs."""
        self._connect()
        root = logging.getLogger()
        if self._log not in root.handlers:
            root.addHandler(self._log)
        # A job may mute itself, not the next one. What makes logging say more stays: a module that
        # was imported by one job has set it for all.
        if root.level > logging.INFO:
            root.setLevel(logging.INFO)
        if root.manager.disable:
            logging.disable(logging.NOTSET)
        self._log.level = logging.NOTSET
        root.disabled = False

    def _connect(self) -> None:
        stdout, stderr, _ = self._files
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)

    def _open_streams(self) -> None:
        self._connect()
        self._stdout = sys.stdout = sys.__stdout__ = _text_file(1)  # type: ignore[misc]  # final
        self._stderr = sys.stderr = sys.__stderr__ = _text_file(2)  # type: ignore[misc]  # final

    def collect(self, sequence: int) -> Wrote | None:
        """What has been written since the last call, if anything, as the given attempt's."""
        self._flush()
        stdout, stderr, _ = self._files
        starts = self._starts
        if (
            os.lseek(stdout, 0, os.SEEK_END) == starts[0]
            and os.lseek(stderr, 0, os.SEEK_END) == starts[1]
            and not self._log.wrote
        ):
            return None
        return Wrote(sequence, self._tail(0), self._tail(1), self._tail(2))

    def _flush(self) -> None:
        if sys.stdout is not self._stdout or sys.stderr is not self._stderr:
            sys.stdout, sys.stderr = self._stdout, self._stderr
        try:
            self._stdout.flush()
            self._stderr.flush()
        except (ValueError, OSError):  # the job closed or detached them, or what is below
            self._open_streams()

    def _tail(self, place: int) -> str:
        descriptor, start = self._files[place], self._starts[place]
        end = os.lseek(descriptor, 0, os.SEEK_END)
        text = read_tail(descriptor, start, end)
        if end < start:
            os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, BEGIN)
            end = self._holes[place] = BEGIN
        if end - self._holes[place] > FREE_AT:
            end = self._holes[place] = free_head(descriptor, end)
        self._starts[place] = self._words[STARTS + place] = end
        self._log.wrote = False
        return text


def read_tail(descriptor: int, start: int, end: int) -> str:
    """The last of what a file has between two places, within the limit.

    One that ends before its start was emptied meanwhile.
    """
    if end < start:
        start = 0
    first = max(start, end - limits.OUTPUT_TAIL)
    data = os.pread(descriptor, end - first, first) if end > first else b""
    if first > start:  # do not begin in the middle of a character
        data = data.lstrip(bytes(range(0x80, 0xC0)))
    return data.decode("utf-8", "replace")


def _text_file(descriptor: int) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True
    )
