"""Arguments in words, when their job has ended: their repr is code of the job as well.

It must change neither how the job has ended nor what the next one finds.
"""

import io
import signal
import sys
from typing import Any

from picloud.code.shown import TookTooLong, shown, shown_plain
from picloud.protocol import limits

PATIENCE = 0.1
"""Seconds that the repr of all arguments may take."""


def needs_words(payload: bytes) -> bool:
    """True if those who have the payload only cannot put it into words, and it names no jobs.

    Handles travel with what proves them, which whoever asks about a job need not hold.
    """
    if limits.OF_HANDLES in payload:
        return False
    return len(payload) > limits.MAX_SHOWN_PAYLOAD or shown_plain(payload) is None


def in_words(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> str:
    """The arguments as the job has left them."""
    signal.setitimer(signal.ITIMER_REAL, 0)  # the job's own would strike here
    streams = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.StringIO()
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
            return shown(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TookTooLong:
        return f"[their repr took longer than {PATIENCE:g} s]"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.stdout, sys.stderr = streams


def _interrupt(_number: int, _frame: Any) -> None:
    raise TookTooLong
