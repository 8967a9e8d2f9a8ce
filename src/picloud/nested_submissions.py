"""What a job says to the master: submissions, at once, and whatever else leaves with them.

A signal handler of the job may raise between any two steps of it. Amid these it must not: a
message would be lost that later ones build on, and the master ends the process of a job that speaks
nonsense. So they are `undisturbed`; the handler comes right after.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from picloud import inside
from picloud.dependencies import Dependencies
from picloud.errors import SerializationError
from picloud.protocol.client_messages import ReserveJids
from picloud.submissions import Spec, SubmissionQueue, Submitter
from picloud.waiters import Waiter

P = ParamSpec("P")
T = TypeVar("T")


class OnLine(Protocol):
    """What is at a line."""

    @property
    def line(self) -> inside.Line:
        """The line of the running job."""


S = TypeVar("S", bound=OnLine)


def undisturbed(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Make a method one that no signal handler of the job interrupts, or raises through."""

    @wraps(method)
    def whole(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.line.undisturbed(partial(method, self, *args, **kwargs))

    return cast("Callable[Concatenate[S, P], T]", whole)


class NestedSubmissions:
    """Says each submission at once; ids are asked for when they are needed."""

    def __init__(self, line: inside.Line, mail: "Mail", lock: threading.RLock) -> None:
        self.line = line
        self._mail = mail
        self._lock = lock
        self._queue = SubmissionQueue()
        self._submitter = Submitter(mail, nothing)
        self._waiters: list[Waiter] = []

    @property
    def is_blocked(self) -> bool:
        """True while nothing can be submitted at once, and for ever once the job has ended.

        The ids and the specs of one job mean nothing, or something else, in the next.
        """
        return not self._queue.has_ids or self._mail.is_over

    def owns(self, first: int, stop: int) -> bool:
        """True if these jobs were submitted here, and none was deleted."""
        return self._queue.owns(first, stop)

    def disown(self, jids: Sequence[int]) -> None:
        """These jobs are deleted."""
        self._queue.disown(jids)

    @undisturbed
    def submit(
        self,
        spec: Spec,
        payload: bytes,
        handles: list[int] | None = None,
        after: Dependencies | None = None,
    ) -> int | None:
        """Submit a job; None if there is no id for it."""
        with self._lock:
            jid = self._queue.put(spec, payload, handles, after, watched=False)
            self._say()
        return jid

    @undisturbed
    def submit_many(
        self,
        spec: Spec,
        payloads: list[bytes],
        handles: list[list[int]] | None = None,
        after: Dependencies | None = None,
    ) -> range:
        """Submit as many of these jobs as there are ids in one block."""
        with self._lock:
            jids = self._queue.put_many(spec, payloads, handles, after)
            self._say()
        return jids

    @undisturbed
    def add_waiter(self, waiter: Waiter) -> None:
        """Wake it when there are ids."""
        if self._queue.has_ids:
            waiter.set()
            return
        if not self._waiters:
            self._mail.send(ReserveJids())
            self._mail.flush()
        self._waiters.append(waiter)

    def add_block(self, block: range) -> None:
        """The master reserved these ids for the job."""
        self._queue.add_block(block)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set()

    def _say(self) -> None:
        try:
            for submission in self._queue.take():
                self._submitter.submit(submission)
            self._submitter.end_turn()
            self._mail.flush()
        except SerializationError:
            self._submitter.undefine(self._mail.refused)
            raise


class Mail:
    """Messages of one attempt, which leave together.

    Attributes:
        refused: those that were too large for the line; they are not sent.
    """

    def __init__(self, line: inside.Line) -> None:
        self._line = line
        self._attempt = line.current()
        self._outgoing: list[object] = []
        self.refused: list[object] = []

    @property
    def is_over(self) -> bool:
        """True once the line is another attempt's."""
        return self._line.current() != self._attempt

    def send(self, message: object) -> None:
        """Send a message with the next flush."""
        self._outgoing.append(message)

    def flush(self, *, with_next: bool = False) -> None:
        """Send what there is; `with_next` if this thread sleeps right after (see `Line.say`).

        Raises:
            SerializationError: it is too large; nothing of it was sent.
        """
        outgoing, self._outgoing = self._outgoing, []
        if outgoing:
            try:
                self._line.say(outgoing, with_next=with_next)
            except SerializationError:
                self.refused = outgoing
                raise


def nothing(*_: object) -> None:
    """What is due is sent by whoever made it due."""
