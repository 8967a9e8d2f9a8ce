"""What every store of records promises."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from picloud.protocol.ids import JobId, SpecNumber
from picloud_master.core.job.states import Queued
from picloud_master.core.records import JobRecord
from picloud_master.runtime.ports import RecordStore
from picloud_master.store.memory import MemoryStore

DEADLINE = 20.0
STORES = [MemoryStore]


@pytest.fixture(params=STORES, ids=lambda store: store.__name__)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[RecordStore]:
    made: Any = request.param()
    yield made
    await made.close()


def record(number: int) -> JobRecord:
    return JobRecord(JobId(number), "owner", SpecNumber(1), b"payload", 0, Queued())


async def stored(commit: "asyncio.Future[None] | None") -> None:
    """Wait for a commit."""
    if commit is not None:
        async with asyncio.timeout(DEADLINE):
            await commit


async def test_a_commit_ends(store: RecordStore) -> None:
    await stored(store.commit([record(1), record(2)]))


async def test_a_commit_of_nothing_ends(store: RecordStore) -> None:
    await stored(store.commit([]))


async def test_commits_end_in_their_order(store: RecordStore) -> None:
    ended: list[int] = []
    commits = [store.commit([record(number)]) for number in range(5)]
    for number, commit in enumerate(commits):
        if commit is not None:
            commit.add_done_callback(lambda _, number=number: ended.append(number))
    await asyncio.gather(*map(stored, commits))
    await asyncio.sleep(0)
    assert ended in ([], [0, 1, 2, 3, 4])


async def test_a_store_may_be_closed_while_it_commits(store: RecordStore) -> None:
    store.commit([record(1)])
    await store.close()


async def test_a_store_knows_whether_it_outlives_the_process(store: RecordStore) -> None:
    assert store.durable is False or store.durable is True
