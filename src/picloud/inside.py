"""Inside a job: the line over which the running job speaks with the master, if there is one."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Sleeper(Protocol):
    """What a line needs of what a job waits for; hashable."""

    def is_set(self) -> bool:
        """Whether it has happened."""
        ...


class Line(Protocol):
    """The way from a running job to the master.

    An interpreter has one, which serves its attempts one after another. All methods but
    `attach` may be called from every thread of a job.
    """

    session: Any
    """What plain verbs of the running attempt use, or None; the line forgets it, and the next
    three with it, when another attempt runs."""

    own_session: Any
    """The attempt's session with the cloud that runs it, once it has been used: there is one only,
    whatever other sessions come and go meanwhile."""

    on_heard: Callable[[list[Any]], None] | None
    """Takes client messages of the master, in whichever thread hears them; set by the session's
    client."""

    on_refused: Callable[[str], None] | None
    """Takes the text of `NestingTooDeep` where a loop was to sleep: the client ends the waits
    in `awaited`."""

    awaited: set[Sleeper]
    """Outcomes that coroutines of attached loops wait for: a loop that sleeps lends the cores
    only while there are any. The waiters add and discard themselves; cleared by the line
    with `session`."""

    at_end: Callable[[], object] | None
    """Called when the attempt's function has ended; after that its session is of no use."""

    @property
    def blobs(self) -> "Callable[[], Any] | None":
        """Gives the store (`blobs.store.BlobStore`) where large parts of values are kept on this
        machine; None if they are kept whole."""

    @property
    def inputs(self) -> bytes:
        """A frame that was sent along with the running attempt: outcomes of what it depends on."""
        ...

    def say(self, messages: Sequence[object], *, with_next: bool = False) -> None:
        """Send client messages to the master, as one frame.

        With `with_next` they leave with what is said next, be it nothing, or when `sleep` or
        `attach` is called: one of these must follow.

        Raises:
            SerializationError: they are too large; none was sent.
        """
        ...

    def undisturbed(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that no signal handler of the job may interrupt, or raise through."""
        ...

    def sleep(self, waiter: Sleeper, seconds: float | None = None, *, lends: bool = True) -> None:
        """Hear until `waiter` is set, or until this time is over.

        With `lends` the cores go to others meanwhile; without it the answer to a question is
        waited for, which is there soon.

        Raises:
            NestingTooDeep: there is no room for another sleeper.
        """
        ...

    def attach(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Hear on this loop too, and lend the cores while it sleeps (see `awaited`).

        Called on the loop's own thread; again for the same loop it changes nothing.
        """
        ...

    def current(self) -> int:
        """The number of the running attempt; a session is of one attempt."""
        ...


line: Line | None = None
"""Set once, by an interpreter, when it starts."""

most_cores: Mapping[str, int] = {}
"""How many cores of each type a job of this cloud can have at most; empty where other workers may
come. Set in an interpreter before its jobs run."""

MARK = "PICLOUD_ZYGOTE"
"""Set in the environment of every process that runs jobs, and of what those start."""


def running_on_cloud() -> bool:
    """Whether this code runs in a job, or in a process that a job has started."""
    return line is not None or MARK in os.environ


def _forget() -> None:
    """A child that a job forks is no part of the job's conversation."""
    global line
    line = None


os.register_at_fork(after_in_child=_forget)
