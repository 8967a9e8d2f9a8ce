"""A real master, and a worker whose jobs are threads of this process: the cloud inside a job.

Jobs speak over a line that is like an interpreter's, so what the client does inside a job can be
tested without processes. A thread that waits lends its core by saying so to the master, which
then grants another lease.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from picloud.aio.loop_thread import LoopThread
from picloud.aio.memory import MemoryChannel
from picloud.aio.session import LinkSession
from picloud.client import Client
from picloud.code import values
from picloud.code.exceptions import describing
from picloud.environment_names import MY_PYTHON
from picloud.errors import NestingTooDeep
from picloud.protocol import worker_messages as messages
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.failures import Failure
from picloud.protocol.ids import Fence, JobId
from picloud.protocol.jobs import CORE_TYPES, SlotPool
from picloud.protocol.link import Link, LinkEvent, LinkOpened, MessagesReceived
from picloud.protocol.link_messages import PeerRole
from picloud.protocol.wire import WIRE
from picloud.session import Session
from picloud_master.app import Master
from picloud_master.store.memory import MemoryStore


class Attempt:
    """A job that runs, and its end of the line."""

    def __init__(self, worker: "ThreadWorker", jid: JobId, fence: Fence, number: int) -> None:
        self.worker = worker
        self.jid = jid
        self.fence = fence
        self.number = number
        self.session: Any = None
        self.own_session: Any = None
        self.on_heard: Callable[[list[Any]], None] | None = None
        self.on_refused: Callable[[str], None] | None = None
        self.awaited: set[Any] = set()
        self.inputs = b""
        self.blobs = None
        self.inbox: deque[list[Any]] = deque()
        self.has_mail = threading.Condition()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.runner: asyncio.Runner | None = None
        self.thread: threading.Thread | None = None

    def end(self) -> None:
        """Do not await any more: a process would be killed, and its loop gone with it."""
        if self.runner is not None and self.thread is not None:
            with contextlib.suppress(RuntimeError):  # it is closed
                loop = self.runner.get_loop()
                loop.call_soon_threadsafe(_cancel_all, loop)
            self.thread.join(5)

    def deliver(self, frame: bytes) -> None:
        """The master says something; called on the cloud's loop."""
        with self.has_mail:
            self.inbox.append(WIRE.decode(frame))
            self.has_mail.notify_all()
            if self.loop is not None and not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self.hear)

    def hear(self) -> None:
        """Hand over what has been delivered."""
        while self.inbox:
            heard = self.inbox.popleft()
            assert self.on_heard is not None
            self.on_heard(heard)

    def sleep(self, waiter: Any, seconds: float | None, lends: bool) -> None:
        """See `inside.Line`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        if lends and not self.inbox:
            self.worker.lend(self)
        try:
            while not waiter.is_set():
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return
                with self.has_mail:
                    if not self.inbox:
                        self.has_mail.wait(left)
                self.hear()
        finally:
            if lends:
                self.worker.take_back(self)


class ThreadLine:
    """The line of whichever attempt runs in the calling thread: see `inside.Line`."""

    def __init__(self) -> None:
        self._here = threading.local()

    def begin(self, attempt: Attempt | None) -> None:
        """From now on this thread runs the attempt."""
        self._here.attempt = attempt

    @property
    def _attempt(self) -> Attempt:
        attempt = getattr(self._here, "attempt", None)
        assert attempt is not None, "not in a job"
        return attempt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._attempt, name)

    def __setattr__(self, name: str, item: Any) -> None:
        if name == "_here":
            super().__setattr__(name, item)
        else:
            setattr(self._attempt, name, item)

    def say(self, said: Sequence[object], *, with_next: bool = False) -> None:
        """See `inside.Line`."""
        attempt = self._attempt
        attempt.worker.said += 1
        for frame in WIRE.encode_frames(said):
            attempt.worker.send(messages.JobSaid(attempt.jid, attempt.fence, frame))

    def undisturbed(self, function: Callable[..., Any], *args: Any) -> Any:
        """See `inside.Line`; signal handlers run in the main thread, which runs no attempt."""
        return function(*args)

    def sleep(self, waiter: Any, seconds: float | None = None, *, lends: bool = True) -> None:
        """See `inside.Line`."""
        attempt = self._attempt
        if lends and attempt.worker.sleeping >= attempt.worker.max_sleepers:
            raise NestingTooDeep(f"{attempt.worker.sleeping} jobs sleep already")
        attempt.sleep(waiter, seconds, lends)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """See `inside.Line`; the core of a loop is lent for as long as the job runs."""
        attempt = self._attempt
        worker = attempt.worker
        if worker.sleeping >= worker.max_sleepers:
            assert attempt.on_refused is not None
            loop.call_soon(attempt.on_refused, f"{worker.sleeping} jobs sleep already")
        elif attempt.loop is not loop:
            attempt.loop = loop
            attempt.worker.lend(attempt)
            loop.call_soon(attempt.hear)

    def current(self) -> int:
        """See `inside.Line`."""
        attempt: Attempt | None = getattr(self._here, "attempt", None)
        return -1 if attempt is None else attempt.number


class ThreadWorker:
    """Runs every job in a thread of its own, all through the same line.

    Args:
        line: the line, set as `inside.line` for as long as the cloud is used.
        cores: how many jobs the master may let run at a time.
        max_sleepers: how many may sleep.
    """

    def __init__(self, line: ThreadLine, cores: int = 1, max_sleepers: int = 1_000) -> None:
        self.line = line
        self.cores = cores
        self.max_sleepers = max_sleepers
        self.sleeping = 0
        self.most_sleeping = 0
        self.ran = 0
        self.said = 0
        self._specs: dict[int, DefineSpec] = {}
        self._attempts: dict[tuple[JobId, Fence], Attempt] = {}
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._link: LinkSession | None = None

    def session(self) -> Session:
        """Make a session with a cloud of this worker, not opened yet."""
        return Session(self.open)

    async def open(self, thread: LoopThread, client: Client) -> Callable[[], Awaitable[None]]:
        """Start the cloud: what a session's opener does."""
        self._thread = thread
        master = Master(MemoryStore(), client.fail)
        theirs, ours = MemoryChannel.pair(thread.loop)
        master.accept_worker(theirs)
        now = thread.loop.time()
        self._link = LinkSession(Link(PeerRole.WORKER, "threads", now), ours, self._on_event)
        theirs, ours = MemoryChannel.pair(thread.loop)
        master.accept_client(theirs, "owner")
        client.attach(LinkSession(Link(PeerRole.CLIENT, "c", now), ours, client.on_link_event))

        async def close() -> None:
            await master.close()
            for attempt in list(self._attempts.values()):
                attempt.end()

        return close

    # ------------------------------------------------------------------ threads of jobs

    def send(self, message: object) -> None:
        """Tell the master."""
        assert self._thread is not None
        assert self._link is not None
        self._thread.post(self._link.send, message)

    def lend(self, attempt: Attempt) -> None:
        """The attempt sleeps."""
        with self._lock:
            self.sleeping += 1
            self.most_sleeping = max(self.most_sleeping, self.sleeping)
        self.send(messages.AttemptsWaiting([attempt.jid], [attempt.fence]))

    def take_back(self, attempt: Attempt) -> None:
        """The attempt goes on."""
        with self._lock:
            self.sleeping -= 1
        self.send(messages.AttemptsResumed([attempt.jid], [attempt.fence]))

    def _run(self, attempt: Attempt, code: bytes, payload: bytes) -> None:
        self.line.begin(attempt)
        started = time.monotonic()
        notes = values.Notes()
        outcome: bytes | Failure
        try:
            args, kwargs = values.loads(payload)
            result = values.loads(code)(*args, **kwargs)
            if asyncio.iscoroutine(result):
                with asyncio.Runner() as runner:
                    attempt.runner = runner
                    result = runner.run(result)
            outcome = values.dumps(result, notes)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the job's outcome
            outcome = describing.describe(error)
        self.line.begin(None)
        runtime = time.monotonic() - started
        assert self._thread is not None
        with contextlib.suppress(RuntimeError):  # of a job that was killed: the cloud is closed
            self._thread.post(self._end, attempt, outcome, notes.handles, runtime)

    # ------------------------------------------------------------------ the cloud's loop

    def _end(
        self, attempt: Attempt, outcome: bytes | Failure, handles: list[int], runtime: float
    ) -> None:
        self._attempts.pop((attempt.jid, attempt.fence), None)
        if attempt.loop is not None:
            self.take_back(attempt)
        if isinstance(outcome, Failure):
            self.send(messages.AttemptFailed(attempt.jid, attempt.fence, outcome, runtime))
        else:
            jids, fences = [attempt.jid], [attempt.fence]
            self.send(messages.AttemptsDone(jids, fences, [outcome], [runtime], [handles]))

    def _on_event(self, event: LinkEvent) -> None:
        if isinstance(event, LinkOpened):
            pools = [SlotPool(list(CORE_TYPES), self.cores)]
            self.send(messages.RegisterWorker("threads", MY_PYTHON, pools))
        elif isinstance(event, MessagesReceived):
            for message in event.messages:
                self._on_message(message)

    def _on_message(self, message: Any) -> None:
        match message:
            case DefineSpec():
                self._specs[message.number] = message
            case ForgetSpec():
                del self._specs[message.number]
            case messages.RunJobs():
                code = self._specs[message.spec].code
                inputs = message.inputs or [b""] * len(message.jids)
                for jid, payload, known in zip(message.jids, message.payloads, inputs, strict=True):
                    self._start(
                        Attempt(self, jid, message.fence, self.ran + 1), code, payload, known
                    )
            case messages.TellJob():
                attempt = self._attempts.get((message.jid, message.fence))
                if attempt is not None:
                    attempt.deliver(message.frame)

    def _start(self, attempt: Attempt, code: bytes, payload: bytes, inputs: bytes) -> None:
        self.ran += 1
        attempt.inputs = inputs
        self._attempts[attempt.jid, attempt.fence] = attempt
        attempt.thread = threading.Thread(
            target=self._run, args=(attempt, code, payload), daemon=True
        )
        attempt.thread.start()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
