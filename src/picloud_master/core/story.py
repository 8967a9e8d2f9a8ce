"""The recent past, for error messages and for people: a bounded list of what reached the kernel."""

from collections import deque
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from picloud.protocol import client_messages as client
from picloud.protocol import worker_messages as worker
from picloud.statemachine import value

_IDS_SHOWN = 64


@value
class Entry:
    """One thing that happened, to some jobs or to one peer."""

    now: float
    what: str
    who: str
    jids: list[int]


class Story:
    """Remembers the last `length` entries, over all actors."""

    def __init__(self, length: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=length)

    def add(self, now: float, who: str, message: object) -> None:
        """Remember a message; of its jobs, the first and last few. Its payloads are let go."""
        cls = type(message)
        jids_of = _JIDS_OF.get(cls)
        jids: list[int] = jids_of(message) if jids_of is not None else []
        if len(jids) > _IDS_SHOWN:
            jids = [*jids[: _IDS_SHOWN // 2], *jids[-_IDS_SHOWN // 2 :]]
        self._entries.append(Entry(now, cls.__name__, who, jids))

    def of(self, jid: int | None = None, who: str | None = None) -> list[str]:
        """What is remembered of one job or of one peer, oldest first, a line each."""
        return list(_lines(self._entries, jid, who))


def _lines(entries: Iterable[Entry], jid: int | None, who: str | None) -> Iterable[str]:
    for entry in entries:
        if (jid is None or jid in entry.jids) and who in (None, entry.who):
            yield f"{entry.now:.6f} {entry.who}: {entry.what} {entry.jids or ''}".rstrip()


_of_column = attrgetter("jids")


def _of_one(message: Any) -> list[int]:
    return [message.jid]


def _of_submission(message: client.SubmitJobs) -> list[int]:
    return list(range(message.first, message.first + len(message.payloads)))


def _of_ranges(message: client.PresentHandles) -> list[int]:
    return message.ranges[::2]


_JIDS_OF: dict[type, Callable[[Any], list[int]]] = {
    client.SubmitJobs: _of_submission,
    client.PresentHandles: _of_ranges,
    client.WatchJobs: _of_column,
    client.KillJobs: _of_column,
    client.DeleteJobs: _of_column,
    client.AskStatus: _of_column,
    client.AskInfo: _of_column,
    client.AskWhy: _of_one,
    worker.AttemptsStarted: _of_column,
    worker.AttemptsDone: _of_column,
    worker.AttemptFailed: _of_one,
    worker.AttemptsReturned: _of_column,
    worker.AttemptsWaiting: _of_column,
    worker.AttemptsResumed: _of_column,
    worker.JobSaid: _of_one,
    worker.OutputRead: _of_one,
}
