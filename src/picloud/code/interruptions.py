"""Exceptions that signal handlers raise amid something else: a program's own time limit, say.

They may come between any two steps of pickling and loading, which they say nothing about.
"""

import signal
import traceback
from types import CodeType


def is_from_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler that is installed was at work where this was raised."""
    codes = _codes_of_handlers()
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code in codes for frame in frames)


def _codes_of_handlers() -> set[CodeType]:
    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        called = handler if hasattr(handler, "__code__") else vars(type(handler)).get("__call__")
        code = getattr(called, "__code__", None)
        if isinstance(code, CodeType):
            codes.add(code)
    return codes
