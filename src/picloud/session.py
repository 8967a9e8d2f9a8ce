"""A user's connection to a cloud, with every verb as a method.

A session owns a thread with an event loop, on which its client lives. The opener it is given
makes the connection there, and whatever stands behind it: a socket to a master, or a whole
embedded cloud. Nothing happens until the first verb, or until it is entered.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from picloud import errors
from picloud.aio.loop_thread import LoopThread
from picloud.blocking import drive
from picloud.blocking_verbs import BlockingVerbs
from picloud.callback_thread import CallbackThread
from picloud.client import Client
from picloud.code.modules.scan import NOTHING, Scan
from picloud.grants import Grant, Secrets
from picloud.job_futures import FutureThread
from picloud.job_options import JobOptions
from picloud.needed_modules import NeededModules
from picloud.own_store import OwnStore
from picloud.protocol.jobs import SlotPool, most_cores
from picloud.submissions import Spec
from picloud.submit_options import SubmitOptions
from picloud.submit_verbs import SpecKey
from picloud.waiters import Waiter

if TYPE_CHECKING:
    from picloud.code.modules.scanner import Scanner

Closer = Callable[[], Awaitable[None]]
"""Ends what an opener has started; runs on the engine's loop."""

Opener = Callable[[LoopThread, Client], Awaitable[Closer]]
"""Runs on the engine's loop: attaches a link to the client, whose events it feeds to
`client.on_link_event`."""


class Session(BlockingVerbs):
    """A connection to a cloud, with every verb as a method, and a context manager of both kinds.

    Args:
        opener: makes the connection.
        has_own_master: nobody else has sessions with its master, which ends with this one; else it
            is known whose jobs these are when the session has opened.
        offers: all the cores that this cloud will ever have, where that is known.
    """

    _client: Client | None = None
    _futures: FutureThread | None = None

    def __init__(
        self,
        opener: Opener,
        *,
        has_own_master: bool = True,
        offers: Sequence[SlotPool] = (),
    ) -> None:
        self.origin = os.urandom(16).hex() if has_own_master else None
        self._opener = opener
        self._offers = offers
        self._secrets = Secrets()
        self._callbacks = CallbackThread()
        self.blobs = self._store = OwnStore()
        self._lock = threading.Lock()
        self._specs: dict[SpecKey, Spec] = {}
        self._needed = NeededModules()
        self._scanner: Scanner | None = None
        self._thread: LoopThread | None = None
        self._starting: Client | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closer: Closer | None = None
        self._is_closed = False

    @property
    def is_lost(self) -> bool:
        """True when the session is closed or its master is gone: its verbs raise ConnectionLost."""
        return self._is_closed or (self._starting is not None and self._starting.is_lost)

    # ------------------------------------------------------------------ open

    async def _opened(self) -> Client:
        if self._is_closed:
            raise errors.ConnectionLost("this session is closed")
        client = self._client
        if client is None:
            client = self._start()
            await client.wait_ready()
            if self.origin is None:
                self.origin = self._secrets.origin
            self._client = client
        return client

    def _start(self) -> Client:
        """Start the engine, unless it runs; opening goes on behind.

        Another thread does it: a signal handler may use the cloud amid this, or raise.
        """
        if self._starting is None:
            _apart(self._start_engine)
        assert self._starting is not None  # else it has raised
        return self._starting

    def _start_engine(self) -> None:
        with self._lock:
            if self._starting is None:
                if self._is_closed:
                    raise errors.ConnectionLost("this session is closed")
                self._thread = LoopThread("picloud engine")
                client = Client(self._thread, self._secrets, self._store)
                self._thread.loop.set_exception_handler(partial(_on_fault, client))
                self._thread.start()
                self._thread.post(self._open, self._thread, client)
                _sessions.add(self)
                self._starting = client

    def _open(self, thread: LoopThread, client: Client) -> None:
        self._opening = thread.loop.create_task(self._run_opener(thread, client))

    async def _run_opener(self, thread: LoopThread, client: Client) -> None:
        try:
            self._closer = await self._opener(thread, client)
        except Exception as error:  # noqa: BLE001 - told to everybody who waits for the connection
            client.fail(error)

    def __enter__(self) -> Self:
        drive(self._opened(), "with")
        return self

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    # ------------------------------------------------------------------ close

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> bool:
        """End the session; see `close`.

        Callbacks that have begun, and those whose jobs have ended, have their time to end.
        """
        try:
            if self._thread is not None:
                await self._callbacks.finish(self._thread)
        finally:
            was_open = await self._ended()
        return was_open

    async def _ended(self) -> bool:
        with self._lock:
            thread, self._thread = self._thread, None
            self._is_closed = True
        _sessions.discard(self)
        self._client = None
        if thread is None:
            return False
        waiter = Waiter()
        thread.post(self._close, thread, waiter)
        await waiter
        thread.stop()
        self._store.delete()
        if self._futures is not None:
            self._futures.stop()
        self._callbacks.stop()
        return True

    def _close(self, thread: LoopThread, waiter: Waiter) -> None:
        self._closing = thread.loop.create_task(self._run_closer(waiter))

    async def _run_closer(self, waiter: Waiter) -> None:
        client = self._starting
        assert client is not None  # its thread is running
        try:
            if self._opening is not None:
                await asyncio.wait([self._opening])
            client.flush()
            await client.submissions.wait_sent()
            client.fail(errors.ConnectionLost("this session is closed"))
            if self._closer is not None:
                await self._closer()
        finally:
            self._callbacks.let_go()
            waiter.set()

    # ------------------------------------------------------------------ what verbs ask for

    def grants(self, first: int, stop: int) -> list[Grant]:
        """Capabilities of those of these jobs that are this session's own."""
        return self._secrets.grants(first, stop)

    def _call_back(self, jids: range, options: SubmitOptions) -> None:
        from picloud.callbacks import CallbackCollector

        client = self._client
        assert client is not None  # it has just taken the jobs
        self._callbacks.is_needed = True
        client.watch(CallbackCollector(jids, options, self, self._callbacks))

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None) -> Scan:
        """What these modules need of the user's own ones; `only` these, if it is given."""
        if only == () or not (roots or only):
            return NOTHING
        if self._scanner is None:
            from picloud.code.modules.scanner import Scanner  # most functions need none

            # All jobs of an embedded cloud run on this machine, and look where this program does.
            self._scanner = Scanner(finds_extensions=bool(self._offers))
        return self._scanner.scan(roots, only)

    def _check_offer(self, options: JobOptions) -> None:
        if self._offers:
            options.check_fits(most_cores(self._offers))

    def _forget(self) -> None:
        """In a forked child there is no engine: its thread has stayed with the parent."""
        self._lock = threading.Lock()
        self._client = self._thread = None
        self._is_closed = True


_sessions: set[Session] = set()
"""The open ones, also those that a program has let go of: what they have started must be ended
with the program. In a forked child they are of no use."""


def _close_all() -> None:
    for session in list(_sessions):
        session.close()


def _forget_all() -> None:
    for session in list(_sessions):
        session._forget()
    _sessions.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)


def _apart(function: Callable[[], object]) -> None:
    """Call a function in a thread of its own, where no signal is handled."""
    raised: list[BaseException] = []

    def call() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            raised.append(error)

    thread = threading.Thread(target=call, name="picloud starter", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _on_fault(client: Client, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Something raised on the engine's loop that nobody caught: a bug. Nobody must wait for it."""
    loop.default_exception_handler(context)
    error = context.get("exception")
    if error is not None and "handle" in context:
        fault = errors.CloudException(f"picloud failed inside: {type(error).__name__}: {error}")
        fault.__cause__ = error
        client.fail(fault)
