"""The blobs of this worker: which are here, which are on their way, and which attempts need them.

What an attempt has needed stays here for the next one, until it all takes too much room; then what
nothing needs goes, the least recently used first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from picloud.protocol.jobs import Handles
from picloud.protocol.payloads import size_of
from picloud.statemachine import value
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.effects import Effect, FetchBlob, RemoveBlob

Name = tuple[str, bytes]
"""The owner of a blob, and its key: what one owner has is not another one's."""


@value
class Result:
    """What an attempt returned."""

    payload: bytes
    runtime: float
    handles: Handles | None
    usage: bytes


class ResultOffer:
    """Blobs that the master is asked to keep for the result of an attempt.

    Attributes:
        keys: all of them.
        unanswered: those of them that the master has not spoken of.
        kept: those that it keeps.
        refusal: why it does not keep another one; empty as long as there is none.
    """

    __slots__ = ("attempt", "kept", "keys", "refusal", "result", "unanswered")

    def __init__(self, attempt: Attempt, result: Result, keys: list[bytes]) -> None:
        self.attempt = attempt
        self.result = result
        self.keys = keys
        self.unanswered = set(keys)
        self.kept: list[bytes] = []
        self.refusal = ""


class _Record:
    """A blob that is here or on its way."""

    __slots__ = ("is_here", "needs", "waiting")

    def __init__(self) -> None:
        self.is_here = False
        self.needs = 0
        self.waiting: list[Attempt] = []


class Blobs:
    """What is known of blobs here; not used where the master has the same store.

    Args:
        add_effect: asks something of the world.

    Attributes:
        needs: what each attempt needs until it is over.
        missing: what is not here yet of it, of those that wait for some.
    """

    def __init__(self, add_effect: Callable[[Effect], None]) -> None:
        self._add_effect = add_effect
        self._records: dict[Name, _Record] = {}
        self._unused: OrderedDict[Name, None] = OrderedDict()
        self._size = 0
        self.needs: dict[Attempt, list[Name]] = {}
        self.missing: dict[Attempt, set[Name]] = {}

    def need(self, attempt: Attempt, names: Iterable[Name]) -> None:
        """An attempt cannot run without these, each of which is named once."""
        for name in names:
            record = self._records.get(name)
            if record is None:
                record = self._records[name] = _Record()
                self._add_effect(FetchBlob(*name))
            self._use(attempt, name, record)
            if not record.is_here:
                record.waiting.append(attempt)
                self.missing.setdefault(attempt, set()).add(name)

    def made(self, attempt: Attempt, names: Iterable[Name]) -> None:
        """An attempt has made these here."""
        records = [(name, self._records.setdefault(name, _Record())) for name in names]
        for name, record in records:
            self._use(attempt, name, record)
        for name, record in records:
            if not record.is_here:
                self._note_here(name, record)

    def release(self, attempt: Attempt) -> None:
        """An attempt is over."""
        self.missing.pop(attempt, None)
        for name in self.needs.pop(attempt, ()):
            record = self._records.get(name)
            if record is not None:  # it was not missed
                record.needs -= 1
                self._set_aside(name, record)

    def arrived(self, name: Name) -> list[Attempt]:
        """It is here; the attempts that lack nothing any more are returned."""
        record = self._records.setdefault(name, _Record())
        if not record.is_here:
            self._note_here(name, record)
        ready: list[Attempt] = []
        waiting, record.waiting = record.waiting, []
        for attempt in waiting:
            missing = self.missing.get(attempt)
            if missing is not None:  # else it is over already
                missing.discard(name)
                if not missing:
                    del self.missing[attempt]
                    ready.append(attempt)
        self._set_aside(name, record)
        return ready

    def found(self, names: Iterable[Name]) -> None:
        """These are here; of some of them that was not known."""
        for name in names:
            if name not in self._records:
                record = self._records[name] = _Record()
                self._note_here(name, record)
                self._set_aside(name, record)

    def missed(self, name: Name) -> list[Attempt]:
        """It cannot be had; the attempts that wait for it are returned."""
        record = self._records.pop(name, None)
        waiting = record.waiting if record is not None else []
        return [attempt for attempt in waiting if attempt in self.missing]

    def is_here(self, name: Name) -> bool:
        """It is here now."""
        record = self._records.get(name)
        return record is not None and record.is_here

    def _use(self, attempt: Attempt, name: Name, record: _Record) -> None:
        record.needs += 1
        self._unused.pop(name, None)
        self.needs.setdefault(attempt, []).append(name)

    def _note_here(self, name: Name, record: _Record) -> None:
        record.is_here = True
        self._size += size_of(name[1])
        self._make_room()

    def _set_aside(self, name: Name, record: _Record) -> None:
        if record.is_here and not record.needs:
            self._unused[name] = None
            self._make_room()

    def _make_room(self) -> None:
        while self._size > settings.MAX_CACHED_BLOBS and self._unused:
            name, _ = self._unused.popitem(last=False)
            del self._records[name]
            self._size -= size_of(name[1])
            self._add_effect(RemoveBlob(*name))
