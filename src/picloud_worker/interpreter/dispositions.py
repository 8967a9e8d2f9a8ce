"""What a process does about signals: handlers, mask and timers, put back as they were."""

# What `signal` wraps into enums, which takes 30 times as long. It has no stubs.
import _signal  # type: ignore[import-not-found]
import faulthandler
import signal
from collections.abc import Callable
from typing import Any

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class SignalDispositions:
    """The handlers of all signals, the mask and the interval timers as a job finds them.

    A job that left one changed would spoil the next: with SIGCHLD ignored, for example, no
    subprocess has an exit status. Looking at all of them takes 2 µs.
    """

    def __init__(self, on_recall: Callable[[int, Any], None]) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGURG, on_recall)
        settable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        self._numbers = sorted(map(int, settable))
        self._handlers = list(map(_signal.getsignal, self._numbers))
        self._mask = self._blocked() - {int(signal.SIGURG)}
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def restore(self) -> None:
        """Put back what has changed."""
        self.stop_timers()  # first, so that none goes off with its handler gone
        handlers = list(map(_signal.getsignal, self._numbers))
        if handlers != self._handlers or self._blocked() != self._mask:
            self._put_back(handlers)

    def stop_timers(self) -> None:
        """None of the job's goes off any more."""
        for timer in _TIMERS:
            signal.setitimer(timer, 0)

    def _put_back(self, handlers: list[Any]) -> None:
        pending = set(map(int, signal.sigpending())) - {int(signal.SIGURG)}
        for number in pending:
            # Blocked, it would be delivered below, to a process that has nothing to do with it.
            signal.signal(number, signal.SIG_IGN)
        faulthandler.disable()  # it shares the fatal signals with whoever else wants them
        for number, handler, now in zip(self._numbers, self._handlers, handlers, strict=True):
            if now is not handler or number in pending:
                signal.signal(number, handler)
        faulthandler.enable(2)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    @staticmethod
    def _blocked() -> set[int]:
        return set(_signal.pthread_sigmask(signal.SIG_BLOCK, ()))
