"""What a worker knows of its blobs, and what goes when they take too much room."""

import pytest

from picloud_worker.core import settings
from picloud_worker.core.blobs import Blobs, Name
from picloud_worker.core.effects import Effect, FetchBlob, RemoveBlob
from tests.picloud_worker.core.spilling import a_key
from tests.support.builders import an_attempt

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_CACHED_BLOBS", 3 * MIB)


class Bench:
    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.blobs = Blobs(self.effects.append)

    def asked(self) -> list[Effect]:
        """What it has asked for since this was last looked at."""
        effects = self.effects.copy()
        self.effects.clear()
        return effects


def a_name(label: str, size: int = MIB, owner: str = "ann") -> Name:
    return owner, a_key(label, size)


A, B, C, D = map(a_name, "abcd")


def test_what_is_not_here_is_fetched_once_for_all_that_need_it() -> None:
    bench = Bench()
    first, second = an_attempt(), an_attempt()
    bench.blobs.need(first, [A, B])
    bench.blobs.need(second, [A])
    assert bench.asked() == [FetchBlob(*A), FetchBlob(*B)]
    assert bench.blobs.arrived(A) == [second]
    assert bench.blobs.arrived(B) == [first]
    assert bench.blobs.missing == {}


def test_what_is_here_is_not_fetched_again() -> None:
    bench = Bench()
    first, second = an_attempt(), an_attempt()
    bench.blobs.need(first, [A])
    bench.blobs.arrived(A)
    bench.blobs.release(first)
    bench.asked()
    bench.blobs.need(second, [A])
    assert second not in bench.blobs.missing
    assert bench.asked() == []


def test_each_owner_has_blobs_of_his_own() -> None:
    bench = Bench()
    theirs = a_name("a", owner="bob")
    bench.blobs.need(an_attempt(), [A])
    bench.blobs.arrived(A)
    bench.blobs.need(an_attempt(), [theirs])
    assert bench.asked() == [FetchBlob(*A), FetchBlob(*theirs)]


def test_what_was_not_used_for_longest_goes_first() -> None:
    bench = Bench()
    for name in (A, B, C, A):
        attempt = an_attempt()
        bench.blobs.need(attempt, [name])
        bench.blobs.arrived(name)
        bench.blobs.release(attempt)
    bench.asked()
    bench.blobs.need(an_attempt(), [D])
    bench.blobs.arrived(D)
    assert bench.asked() == [FetchBlob(*D), RemoveBlob(*B)]


def test_what_is_needed_stays_whatever_room_it_takes() -> None:
    bench = Bench()
    attempt = an_attempt()
    for name in (A, B, C, D):
        bench.blobs.need(attempt, [name])
        bench.blobs.arrived(name)
    assert not any(isinstance(one, RemoveBlob) for one in bench.asked())
    bench.blobs.release(attempt)
    assert bench.asked() == [RemoveBlob(*A)]


def test_what_came_for_an_attempt_that_is_over_is_kept_as_long_as_there_is_room() -> None:
    bench = Bench()
    attempt = an_attempt()
    bench.blobs.need(attempt, [A])
    bench.blobs.release(attempt)
    assert bench.blobs.arrived(A) == []
    bench.asked()
    bench.blobs.need(an_attempt(), [A])
    assert bench.asked() == []


def test_what_cannot_be_had_is_asked_for_again_by_the_next_one() -> None:
    bench = Bench()
    first, over = an_attempt(), an_attempt()
    bench.blobs.need(first, [A, B])
    bench.blobs.need(over, [A])
    bench.blobs.release(over)
    assert bench.blobs.missed(A) == [first]
    bench.blobs.release(first)
    bench.asked()
    bench.blobs.need(an_attempt(), [A])
    assert bench.asked() == [FetchBlob(*A)]


def test_what_an_attempt_has_made_is_here_although_it_was_on_its_way() -> None:
    bench = Bench()
    waiting, maker = an_attempt(), an_attempt()
    bench.blobs.need(waiting, [A])
    bench.blobs.made(maker, [A])
    assert bench.blobs.is_here(A)
    bench.blobs.release(maker)
    assert bench.blobs.arrived(A) == [waiting]


def test_what_is_found_here_counts_and_goes_when_it_is_too_much() -> None:
    bench = Bench()
    bench.blobs.need(an_attempt(), [A])
    bench.blobs.arrived(A)
    bench.asked()
    bench.blobs.found([A, B, C, D])
    assert bench.asked() == [RemoveBlob(*B)]
    bench.blobs.found([A, C, D])
    assert bench.asked() == []


def test_nothing_is_remembered_of_what_was_removed() -> None:
    bench = Bench()
    names = [a_name(str(number)) for number in range(20)]
    for name in names:
        attempt = an_attempt()
        bench.blobs.made(attempt, [name])
        bench.blobs.release(attempt)
    assert bench.asked() == [RemoveBlob(*name) for name in names[:-3]]
    assert [name for name in names if bench.blobs.is_here(name)] == names[-3:]
    assert bench.blobs.needs == {}
