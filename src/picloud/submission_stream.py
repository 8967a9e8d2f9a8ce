"""Streams what threads submit to the master, and holds them back when that is needed.

The first job of a burst wakes the engine at once; those that follow are collected for half a
millisecond, so that a loop of `call` does not switch threads for every job.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic, sleep

from picloud.aio.session import LinkSession
from picloud.dependencies import Dependencies
from picloud.grants import Secrets
from picloud.protocol.client_messages import JidsReserved, ReserveJids
from picloud.protocol.tree_messages import FilesWanted
from picloud.submissions import JobsToSend, Spec, SubmissionQueue, Submitter
from picloud.waiters import Waiter, Wake

COLLECT_TIME = 0.0005
"""Seconds between two looks at the queue while jobs stream in. For uvloop, which counts in whole
milliseconds, that is its next turn."""

TURN_AFTER = 0.002
"""Seconds that a loop of calls which name jobs goes on while the engine finds no turn. Python lets
another thread wait for 5 ms, and so long nothing would run of what these jobs wait for."""

_A_TURN = 1e-6
"""Seconds of sleep: whoever waits for Python's lock gets it meanwhile."""


class SubmissionStream:
    """Of one client; `submit` and `submit_many` are for any thread, the rest is the engine's.

    Args:
        loop: the engine's.
        post: has a function called on it.
        flush: sends, on the engine's loop, all that waits, by way of `send`.
        expect: told of jobs whose outcomes will come unasked.
        secrets: takes those of the blocks of ids.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Callable[..., None],
        flush: Callable[[], None],
        expect: Callable[[range], None],
        secrets: Secrets,
    ) -> None:
        self._secrets = secrets
        self._loop = loop
        self._post = post
        self._flush = flush
        self._expect = expect
        self._queue = SubmissionQueue()
        self._link: LinkSession | None = None
        self._submitter: Submitter | None = None
        self._waiters: list[Waiter] = []
        self._is_collecting = False
        self._next_look: asyncio.TimerHandle | None = None
        self._turn_due = inf
        self._asked_for_ids = False
        self._is_lost = False
        self._held: JobsToSend | None = None  # what waits for the master's answer to an offer
        self._sent: asyncio.Future[None] | None = None
        self.is_open = False
        self.is_blocked = True
        """True while nothing can be submitted at once: not open yet, lost, or too far ahead."""

    # ------------------------------------------------------------------ any thread

    def submit(
        self,
        spec: Spec,
        payload: bytes,
        handles: list[int] | None = None,
        after: Dependencies | None = None,
    ) -> int | None:
        """Take an id for a job and have it sent soon; None if it must wait for `ready`."""
        jid = self._queue.put(spec, payload, handles, after)
        if not self._is_collecting:
            self._begin_to_collect()
        elif (handles or after) is not None and monotonic() > self._turn_due:
            self._turn_due = monotonic() + TURN_AFTER
            sleep(_A_TURN)
        return jid

    def submit_many(
        self,
        spec: Spec,
        payloads: list[bytes],
        handles: list[list[int]] | None = None,
        after: Dependencies | None = None,
    ) -> range:
        """The same for several jobs, as far as there are ids; the ids used are consecutive."""
        jids = self._queue.put_many(spec, payloads, handles, after)
        if not self._is_collecting:
            self._begin_to_collect()
        return jids

    def _begin_to_collect(self) -> None:
        self._is_collecting = True
        try:
            self._post(self._collect)
        except BaseException:  # of a signal handler: then the next submission begins
            self._is_collecting = False
            raise

    def owns(self, first: int, stop: int) -> bool:
        """True if these jobs were submitted here, and none was deleted."""
        return self._queue.owns(first, stop)

    def disown(self, jids: Sequence[int]) -> None:
        """These jobs are deleted."""
        self._queue.disown(jids)

    def ready(self) -> Waiter:
        """Make a waiter for the time when something can be submitted."""
        waiter = Waiter()
        self._post(self._add_waiter, waiter)
        return waiter

    # ------------------------------------------------------------------ engine

    def attach(self, link: LinkSession) -> None:
        """Send on this link."""
        self._link, self._submitter = link, Submitter(link, self._expect)

    def on_jids_reserved(self, message: JidsReserved) -> None:
        """The session may use these ids; with the first ones it is open."""
        self._asked_for_ids = False
        self._secrets.add(message.first, message.secret)
        self._secrets.origin = message.origin.hex()
        self._queue.add_block(range(message.first, message.first + message.count))
        self.is_open = not self._is_lost
        self._look_if_ready()

    def send(self) -> bool:
        """Hand over to the open link what has been submitted so far.

        False if some of it has to wait until the master has said which files of its modules it
        lacks: what may be about those jobs waits as well.
        """
        assert self._link is not None  # an open one is attached
        submitter = self._submitter
        assert submitter is not None
        if self._held is not None:
            if not submitter.is_ready(self._held.spec):
                return False
            submitter.submit(self._held)
            self._held = None
        for submission in self._queue.take():
            if not submitter.is_ready(submission.spec):
                self._held = submission
                break
            submitter.submit(submission)
        submitter.end_turn()
        self._ask_for_ids()
        if not self._link.has_room() and not self.is_blocked:
            self.is_blocked = True
            self._link.on_room(self._look_if_ready)
        return self._held is None

    def on_files_wanted(self, message: FilesWanted) -> None:
        """The master has answered an offer: send the files, and go on."""
        assert self._submitter is not None
        self._submitter.send_files(message)
        self._flush()
        self._note_sent()

    async def wait_sent(self) -> None:
        """Return once nothing that was submitted waits for the master, or it is lost."""
        if self._held is not None and not self._is_lost:
            self._sent = self._loop.create_future()
            await self._sent

    def _note_sent(self) -> None:
        if self._sent is not None and (self._held is None or self._is_lost):
            self._sent.set_result(None)
            self._sent = None

    def lose(self) -> None:
        """Nothing can be sent any more."""
        self._is_lost, self.is_open, self.is_blocked = True, False, True
        self._note_sent()
        self._wake(Wake.LOST)

    def _collect(self) -> None:
        """Send what the queue holds, and look again soon, until a look finds it empty."""
        if self._queue.is_empty() or not self.is_open:
            self._is_collecting = False
            # What was appended between the look and the flag woke nobody.
            if self._queue.is_empty() or not self.is_open:
                return
            self._is_collecting = True
        self._turn_due = monotonic() + TURN_AFTER
        self._flush()
        if self._next_look is not None:
            self._next_look.cancel()  # it was begun twice, where a signal handler raised meanwhile
        self._next_look = self._loop.call_later(COLLECT_TIME, self._collect)

    def _add_waiter(self, waiter: Waiter) -> None:
        self._waiters.append(waiter)
        self._look_if_ready()
        if waiter.outcome is None:
            self._ask_for_ids()

    def _ask_for_ids(self) -> None:
        if self.is_open and self._queue.is_low and not self._asked_for_ids:
            assert self._link is not None  # it is open
            self._asked_for_ids = True
            self._link.send(ReserveJids())

    def _look_if_ready(self) -> None:
        if self._is_lost:
            self._wake(Wake.LOST)
        elif self.is_open and self._link is not None:
            self.is_blocked = not self._link.has_room()
            if self.is_blocked:
                self._link.on_room(self._look_if_ready)
            elif self._queue.has_ids:
                self._wake(Wake.SET)

    def _wake(self, outcome: Wake) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set(outcome)
