"""Arguments in words, when their job has ended: their repr is code of the job as well.

It must change neither how the job has ended nor what the next one finds.
"""

import io
import signal
import sys
from typing import Any

from picloud.code.shown import TookTooLong, plain_arguments, shown
from picloud.code.values import dumps_plain
from picloud.protocol import limits

PATIENCE = 0.1
"""Seconds that the repr of all arguments may take."""


def needs_words(payload: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """True if those who have the payload only cannot put it into words, and it names no jobs.

    Handles travel with what proves them, which whoever asks about a job need not hold.
    """
    if len(payload) <= limits.MAX_SHOWN_PAYLOAD and dumps_plain((args, kwargs)) == payload:
        return False  # as nearly always; a closer look takes 70 µs when a job has just ended
    if limits.OF_HANDLES in payload:
        return False
    return len(payload) > limits.MAX_SHOWN_PAYLOAD or plain_arguments(payload) is None


def in_words(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments as the job has left them."""
    signal.setitimer(signal.ITIMER_REAL, 0)  # the job's own would strike here
    streams = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.StringIO()
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
            return shown(args, kwargs)
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
