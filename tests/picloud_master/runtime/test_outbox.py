"""Commit before speak, with a store whose commits the test decides about."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from picloud.protocol.client_messages import Accepted
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.worker_messages import TakeBack
from picloud_master.core.effects import (
    DismissClient,
    DismissWorker,
    Effect,
    SendToClient,
    SendToWorker,
)
from picloud_master.core.kernel import Turn
from picloud_master.core.records import JobRecord
from picloud_master.runtime.outbox import Outbox
from picloud_master.store.memory import MemoryStore
from tests.support.clock import on_virtual_time


class HeldStore:
    """A `RecordStore` whose commits end when the test says so."""

    durable = True

    def __init__(self) -> None:
        self.commits: list[asyncio.Future[None]] = []
        self.records: list[Sequence[JobRecord]] = []

    def commit(self, records: Sequence[JobRecord]) -> "asyncio.Future[None] | None":
        self.records.append(records)
        self.commits.append(asyncio.get_running_loop().create_future())
        return self.commits[-1]

    async def close(self) -> None:
        for commit in self.commits:
            commit.cancel()


class SomeHeldStore(HeldStore):
    """The same, but a turn without records is stored at once."""

    def commit(self, records: Sequence[JobRecord]) -> "asyncio.Future[None] | None":
        return super().commit(records) if records else None


class Bench:
    """An outbox, and what came out of it."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.performed: list[Effect] = []
        self.failures: list[BaseException] = []
        self.outbox = Outbox(store, self.performed.extend, self.failures.append)

    def put(self, *effects: Effect, records: Sequence[Any] = ()) -> None:
        self.outbox.put(Turn(list(records), list(effects)))

    async def commit(self, *numbers: int) -> None:
        """End these commits well, in this order."""
        for number in numbers:
            self.store.commits[number].set_result(None)
        await settle()


async def settle() -> None:
    """Let everything happen that is due."""
    await asyncio.sleep(0.001)


def promise(number: int) -> SendToClient:
    return SendToClient(SessionId(1), Accepted(number))


def lease(number: int) -> SendToWorker:
    return SendToWorker(WorkerId(number), TakeBack(number))


def firm_lease(number: int) -> SendToWorker:
    return SendToWorker(WorkerId(number), TakeBack(number), after_commit=True)


@on_virtual_time
async def test_a_promise_waits_for_its_commit() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1))
    await settle()
    assert bench.performed == []
    await bench.commit(0)
    assert bench.performed == [promise(1)]


@pytest.mark.parametrize(
    "effect", [lease(1), DismissClient(SessionId(1), "x"), DismissWorker(WorkerId(1), "x")]
)
def test_what_promises_nothing_is_said_at_once(effect: Effect) -> None:
    @on_virtual_time
    async def check() -> None:
        bench = Bench(HeldStore())
        bench.put(promise(1), effect)
        assert bench.performed == [effect]

    check()


@on_virtual_time
async def test_a_lease_that_must_not_start_twice_waits_for_its_commit() -> None:
    bench = Bench(HeldStore())
    bench.put(firm_lease(1))
    assert bench.performed == []
    await bench.commit(0)
    assert bench.performed == [firm_lease(1)]


@on_virtual_time
async def test_promises_keep_their_order_over_turns() -> None:
    bench = Bench(HeldStore())
    for number in range(4):
        bench.put(promise(number), promise(number + 10))
    await bench.commit(0, 1, 2, 3)
    expected = [promise(one) for number in range(4) for one in (number, number + 10)]
    assert bench.performed == expected


@on_virtual_time
async def test_a_commit_that_is_done_early_does_not_overtake_another() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1))
    bench.put(promise(2))
    await bench.commit(1)
    assert bench.performed == []
    await bench.commit(0)
    assert bench.performed == [promise(1), promise(2)]


@on_virtual_time
async def test_a_turn_without_records_waits_for_the_turns_before_it() -> None:
    bench = Bench(SomeHeldStore())
    bench.put(promise(1), records=["record"])
    bench.put(promise(2))
    assert bench.performed == []
    await bench.commit(0)
    assert bench.performed == [promise(1), promise(2)]
    bench.put(promise(3))
    assert bench.performed[2:] == [promise(3)]


@on_virtual_time
async def test_records_are_stored_in_the_order_of_turns() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1), records=["a"])
    bench.put(promise(2), records=["b"])
    assert bench.store.records == [["a"], ["b"]]


@on_virtual_time
async def test_a_failing_commit_says_nothing_and_is_reported() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1))
    bench.store.commits[0].set_exception(OSError("disk full"))
    await settle()
    assert bench.performed == []
    assert [str(error) for error in bench.failures] == ["disk full"]


@on_virtual_time
async def test_a_commit_that_fails_together_with_a_good_one_says_nothing() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1))
    bench.put(promise(2))
    bench.store.commits[0].set_result(None)
    bench.store.commits[1].set_exception(OSError("disk full"))
    await settle()
    assert bench.performed == [promise(1)]
    assert len(bench.failures) == 1


@on_virtual_time
async def test_after_a_failed_commit_nothing_more_is_said_or_reported() -> None:
    bench = Bench(HeldStore())
    for number in (1, 2, 3):
        bench.put(promise(number))
    bench.store.commits[0].set_exception(OSError("disk full"))
    bench.store.commits[2].set_exception(OSError("disk full"))
    await bench.commit(1)
    bench.put(promise(4), lease(4))
    assert bench.performed == []
    assert len(bench.failures) == 1
    assert len(bench.store.commits) == 3


@on_virtual_time
async def test_commits_that_are_given_up_by_a_closing_store_are_no_failure() -> None:
    bench = Bench(HeldStore())
    bench.put(promise(1))
    await bench.store.close()
    await settle()
    assert bench.performed == []
    assert bench.failures == []


@on_virtual_time
async def test_a_store_without_waiting_says_everything_in_order_at_once() -> None:
    bench = Bench(MemoryStore())
    effects = [promise(1), lease(1), firm_lease(2), DismissClient(SessionId(1), "x"), promise(2)]
    bench.put(*effects)
    assert bench.performed == effects


@on_virtual_time
async def test_what_follows_a_held_lease_to_the_same_worker_stays_behind_it() -> None:
    # Else the order to stop a job would arrive before the job, which then ran for ever.
    bench = Bench(HeldStore())
    bench.put(firm_lease(1), lease(1))
    bench.put(lease(1), lease(2), DismissWorker(WorkerId(1), "x"))
    assert bench.performed == [lease(2)]
    await bench.commit(0)
    assert bench.performed == [lease(2), firm_lease(1), lease(1)]
    await bench.commit(1)
    assert bench.performed[3:] == [lease(1), DismissWorker(WorkerId(1), "x")]
    bench.put(lease(1))
    assert bench.performed[5:] == [lease(1)]
