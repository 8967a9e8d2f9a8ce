"""Whatever comes in whatever order: what runs has its blobs, and nothing is forgotten or kept."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from picloud.protocol.payloads import size_of
from picloud_worker.core import settings
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.blobs import Blobs, Name
from picloud_worker.core.effects import Effect, FetchBlob, RemoveBlob
from tests.picloud_worker.core.spilling import a_key
from tests.support.builders import an_attempt

MIB = 1 << 20
ROOM = 3 * MIB
SIZES = {"a": 1, "b": 1, "c": 1, "d": 2, "e": 4}
NAMES: list[Name] = [("ann", a_key(label, size * MIB)) for label, size in SIZES.items()]
some = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)


class Worker(RuleBasedStateMachine):
    """The table, and beside it a store and a master that answers some time."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(settings, "MAX_CACHED_BLOBS", ROOM)
        self.blobs = Blobs(self.perform)
        self.store: set[Name] = set()
        self.on_their_way: set[Name] = set()
        self.living: dict[Attempt, set[Name]] = {}

    def perform(self, effect: Effect) -> None:
        if isinstance(effect, FetchBlob):
            self.on_their_way.add((effect.owner, effect.key))
        else:
            assert isinstance(effect, RemoveBlob)
            self.store.remove((effect.owner, effect.key))

    @rule(names=some)
    def an_attempt_comes(self, names: list[Name]) -> None:
        attempt = an_attempt()
        self.living[attempt] = set(names)
        self.blobs.need(attempt, names)

    @precondition(lambda self: self.ready())
    @rule(names=some, data=st.data())
    def an_attempt_makes_some(self, names: list[Name], data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(self.ready()))
        self.living[attempt].update(names)
        self.store.update(names)
        self.blobs.made(attempt, names)

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def an_attempt_ends(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(list(self.living)))
        self.end(attempt)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def one_arrives(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.on_their_way)))
        self.on_their_way.remove(name)
        self.store.add(name)
        before = set(self.blobs.missing)
        ready = self.blobs.arrived(name)
        assert set(ready) == before - set(self.blobs.missing)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def one_is_missed(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.on_their_way)))
        self.on_their_way.remove(name)
        if self.blobs.is_here(name):
            self.blobs.arrived(name)
            return
        for attempt in self.blobs.missed(name):
            assert name in self.living[attempt]
            self.end(attempt)

    @rule()
    def what_is_here_is_found(self) -> None:
        self.blobs.found(sorted(self.store))

    @invariant()
    def what_is_ready_has_its_blobs(self) -> None:
        for attempt in self.ready():
            assert self.living[attempt] <= self.store

    @invariant()
    def what_waits_waits_for_what_is_on_its_way(self) -> None:
        for names in self.blobs.missing.values():
            assert names
            assert names <= self.on_their_way

    @invariant()
    def only_what_is_needed_takes_more_room_than_there_is(self) -> None:
        needed = {name for names in self.living.values() for name in names}
        assert self.taken() <= ROOM or self.store <= needed

    def teardown(self) -> None:
        for attempt in list(self.living):
            self.end(attempt)
        assert (self.blobs.needs, self.blobs.missing) == ({}, {})
        for name in self.on_their_way:
            self.store.add(name)
            assert self.blobs.arrived(name) == []
        assert self.taken() <= ROOM
        self._patch.undo()

    def taken(self) -> int:
        return sum(size_of(key) for _, key in self.store)

    def ready(self) -> list[Attempt]:
        return [one for one in self.living if one not in self.blobs.missing]

    def end(self, attempt: Attempt) -> None:
        del self.living[attempt]
        self.blobs.release(attempt)


TestWorkerBlobs = Worker.TestCase
