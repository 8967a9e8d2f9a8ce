"""Commit before speak: what promises something waits until its turn is on record."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from picloud.protocol.ids import WorkerId
from picloud_master.core.effects import DismissWorker, Effect, SendToClient, SendToWorker
from picloud_master.core.kernel import Turn
from picloud_master.runtime.ports import RecordStore


class Outbox:
    """Performs the effects of turns, in order, each as early as it may be performed.

    The kernel runs on meanwhile. With a store that commits at once nothing is queued here.
    """

    def __init__(
        self,
        store: RecordStore,
        perform: Callable[[list[Effect]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._perform = perform
        self._fail = fail
        self._waiting: deque[tuple[asyncio.Future[None] | None, list[Effect]]] = deque()
        self._held_back: Counter[WorkerId] = Counter()
        self._failed = False

    def put(self, turn: Turn) -> None:
        """Store a turn's records and perform its effects; nothing after a commit has failed."""
        if self._failed:
            return
        commit = self._store.commit(turn.records)
        if commit is None and not self._waiting:
            self._perform(turn.effects)
            return
        held: list[Effect] = []
        free: list[Effect] = []
        for effect in turn.effects:
            (held if self._must_wait(effect) else free).append(effect)
        self._perform(free)
        self._waiting.append((commit, held))
        if commit is not None:
            commit.add_done_callback(self._committed)

    def _committed(self, commit: "asyncio.Future[None]") -> None:
        if self._failed or commit.cancelled():
            return  # cancelled: the master is closing
        error = commit.exception()
        if error is not None:
            # Nothing after it is on record either, so nothing more may be said.
            self._failed = True
            self._waiting.clear()
            self._fail(error)
            return
        while self._waiting and _is_stored(self._waiting[0][0]):
            effects = self._waiting.popleft()[1]
            for effect in effects:
                if isinstance(effect, SendToWorker | DismissWorker):
                    self._held_back[effect.worker] -= 1
            self._held_back = +self._held_back  # without those that are through
            self._perform(effects)

    def _must_wait(self, effect: Effect) -> bool:
        """Promises do, and what follows to the same worker: an order must not overtake a lease."""
        if not isinstance(effect, SendToWorker | DismissWorker):
            return type(effect) is SendToClient
        waits = type(effect) is SendToWorker and effect.after_commit
        waits = waits or effect.worker in self._held_back
        if waits:
            self._held_back[effect.worker] += 1
        return waits


def _is_stored(commit: "asyncio.Future[None] | None") -> bool:
    if commit is None:
        return True
    return commit.done() and not commit.cancelled() and commit.exception() is None
