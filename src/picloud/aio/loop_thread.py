"""An event loop in a background thread, for programs that have none, and beside those that have."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make a uvloop where it can be had, else asyncio's own loop.

    Once the main thread has ended, and others go on, it cannot be imported any more.
    """
    try:
        import uvloop
    except (ImportError, RuntimeError):
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _fill_standard_descriptors() -> None:
    """Open what a program was started without: a loop that was given one of these would abort."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one


class LoopThread:
    """Runs a loop until `stop`. Other threads hand it work by `post`, woken once per burst."""

    def __init__(self, name: str) -> None:
        _fill_standard_descriptors()
        self.loop = new_event_loop()
        self._posted: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._woken = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Call the function on the loop, in order with everything else posted by this thread."""
        self._posted.append((function, args))
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._call_posted)
            except BaseException:  # of a signal handler: then the next one that posts wakes it
                self._woken = False
                raise

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it, from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def is_current(self) -> bool:
        """True when called on the loop's own thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """End the loop and its thread, after all that was posted; what is left is cancelled."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _call_posted(self) -> None:
        # The flag falls first: what is posted from here on wakes the loop again, for a later turn,
        # so that threads that post without end cannot keep the loop from its sockets.
        self._woken = False
        posted = self._posted
        count = len(posted)
        try:
            while count:
                count -= 1
                function, args = posted.popleft()
                function(*args)
        finally:
            if count:  # one has raised, which the loop reports; the others are called all the same
                self.loop.call_soon(self._call_posted)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self._call_posted()
        finally:  # one has raised: the thread reports it, and the loop is closed all the same
            self._cancel_all()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
