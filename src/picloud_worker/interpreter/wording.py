"""Arguments in words, when their job has ended: their repr is code of the job as well.

It must change neither how the job has ended nor what the next one finds.
"""

import io
import signal
import sys
from typing import Any

from picloud.code.shown import shown, shown_plain
from picloud.protocol import limits

PATIENCE = 0.1
"""Seconds that the repr of all arguments may take."""


class _TookTooLong(BaseException):
    """Raised in the midst of it."""


def in_words(payload: bytes, arguments: tuple[tuple[Any, ...], dict[str, Any]] | None) -> str:
    """What those cannot say who have the payload only.

    Args:
        payload: the arguments as they came.
        arguments: the same, loaded, as the job has left them; None if they cannot be loaded.
    """
    if arguments is None:
        return ""
    if len(payload) <= limits.MAX_SHOWN_PAYLOAD and shown_plain(payload) is not None:
        return ""
    streams = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.StringIO()
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
            return shown(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TookTooLong:
        return f"[their repr took longer than {PATIENCE:g} s]"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.stdout, sys.stderr = streams


def _interrupt(_number: int, _frame: Any) -> None:
    raise _TookTooLong
