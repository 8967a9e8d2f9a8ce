"""Runs the verbs' coroutines in a thread without an event loop."""

import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from picloud.waiters import Waiter, running_loop

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T], verb: str) -> T:
    """Run a coroutine of the verbs to its end; the thread sleeps whenever it waits.

    Args:
        coroutine: awaits `Waiter`s only.
        verb: the blocking spelling, for the error's text.

    Raises:
        RuntimeError: an event loop is running in this thread, and would stand still meanwhile;
            a notebook's own loop does not count.
    """
    loop = running_loop()
    if loop is None:
        return _driven(coroutine)
    if not is_notebook_cell():
        coroutine.close()
        raise in_loop(verb)
    import asyncio  # runs already

    # The kernel's loop stands still while a cell works, as it does for any other blocking call.
    asyncio._set_running_loop(None)
    try:
        return _driven(coroutine)
    finally:
        asyncio._set_running_loop(loop)


def is_notebook_cell() -> bool:
    """True in the main thread of a notebook's kernel, which runs every cell inside its loop."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    if kernel is None or threading.current_thread() is not threading.main_thread():
        return False
    return bool(kernel.IPKernelApp.initialized())


def _driven(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        waiter: Waiter = coroutine.send(None)
        while True:
            try:
                waiter.block()
            except BaseException as error:  # noqa: BLE001 - the coroutine cleans up and passes it on
                waiter = coroutine.throw(error)
            else:
                waiter = coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value


def drive_anywhere(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the verbs even where an event loop runs, which then stands still."""
    if running_loop() is None:
        return drive(coroutine, "")
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, "picloud wait") as pool:
        return pool.submit(drive, coroutine, "").result()


def in_loop(verb: str) -> RuntimeError:
    """Make the error of a blocking verb where it would stop an event loop."""
    instead = _INSTEAD.get(verb, f"`await a{verb}(...)`")
    return RuntimeError(f"{verb}() would block the running event loop: use {instead}")


_INSTEAD = {
    "iresult": "`async for ... in airesult(...)`",
    "as_completed": "`async for ... in aas_completed(...)`",
    "Job.result": "`await job`",
    "Job.status": "`await astatus(job)`",
    "Job.info": "`await ainfo(job)`",
    "Job.kill": "`await akill(job)`",
    "Job.why": "`await awhy(job)`",
    "with": "`async with`",
    "env.create": "`await env.acreate(...)`",
    "env.list": "`await env.alist()`",
    "env.info": "`await env.ainfo(...)`",
    "env.delete": "`await env.adelete(...)`",
}


class BlockingIterator(Generic[T]):
    """An asynchronous iterator of the verbs as a plain one; errors do not end it."""

    def __init__(self, source: AsyncIterator[T], verb: str) -> None:
        if running_loop() is not None and not is_notebook_cell():
            raise in_loop(verb)
        self._source = source
        self._verb = verb

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return drive(_next_of(self._source), self._verb)
        except StopAsyncIteration:
            raise StopIteration from None


async def _next_of(source: AsyncIterator[T]) -> T:
    return await source.__anext__()
