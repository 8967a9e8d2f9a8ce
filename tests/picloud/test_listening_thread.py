"""Futures and callbacks inside a job: who hears for them, and for how long."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from picloud.connected import AnyClient
from picloud.errors import NestingTooDeep
from picloud.listening_thread import ListeningThread
from picloud.outcomes import Collector, Outcome
from picloud.waiters import Waiter, Way

PATIENCE = 20


class Line:
    """No signals come here."""

    def undisturbed(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


class Client:
    """Hears when the test says so."""

    def __init__(self) -> None:
        self.line: Any = Line()
        self.is_over = False
        self.refusal: NestingTooDeep | None = None
        self.watched: list[Collector] = []
        self.asleep = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []

    def watch(self, collector: Collector) -> None:
        self.watched.append(collector)
        if self.is_over:
            collector.lose()

    def sleep(self, waiter: Waiter) -> None:
        self.threads.append(threading.current_thread())
        self.asleep.release()
        if self.refusal is not None:
            raise self.refusal
        waiter.block()


class Told:
    """Has its thread note what it is told."""

    wants_results = True

    def __init__(self, jids: Sequence[int], thread: ListeningThread) -> None:
        self.way: Way | None = None
        self.jids = jids
        self.thread = thread
        self.noted: list[Any] = []
        self.done = threading.Semaphore(0)

    def put(self, position: int, outcome: Outcome) -> None:
        self.thread.put(lambda: self.note((position, outcome)))

    def lose(self) -> None:
        self.thread.put(lambda: self.note("lost"))

    def fail(self, error: BaseException) -> None:
        self.thread.put(lambda: self.note(error))

    def note(self, what: Any) -> None:
        self.noted.append(what)
        self.done.release()


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def thread(client: Client) -> ListeningThread:
    return ListeningThread("picloud test", client)


def watched(thread: ListeningThread, client: Client, jids: Sequence[int]) -> Told:
    told = Told(jids, thread)
    thread.watch(cast("AnyClient", client), told)
    return told


def test_outcomes_are_used_in_the_thread_which_ends_when_all_are_there(
    client: Client, thread: ListeningThread
) -> None:
    told = watched(thread, client, [4, 6])
    for position in (0, 1):
        assert client.asleep.acquire(timeout=PATIENCE)
        client.watched[0].put(position, b"here")
        assert told.done.acquire(timeout=PATIENCE)
    assert told.noted == [(0, b"here"), (1, b"here")]
    client.threads[0].join(PATIENCE)
    assert not client.threads[0].is_alive()


def test_it_knows_what_is_done_in_it(client: Client, thread: ListeningThread) -> None:
    told = watched(thread, client, [4])
    thread.put(lambda: told.note(thread.is_current()))
    assert told.done.acquire(timeout=PATIENCE)
    assert (told.noted, thread.is_current()) == ([True], False)
    client.watched[0].put(0, b"here")
    assert told.done.acquire(timeout=PATIENCE)


def test_the_next_one_has_a_thread_again(client: Client, thread: ListeningThread) -> None:
    for _ in range(2):
        told = watched(thread, client, [4])
        assert client.asleep.acquire(timeout=PATIENCE)
        client.watched.pop().put(0, b"here")
        assert told.done.acquire(timeout=PATIENCE)
        client.threads.pop().join(PATIENCE)


def test_what_a_callback_raises_ends_nothing(client: Client, thread: ListeningThread) -> None:
    def leave() -> None:
        raise SystemExit

    told = watched(thread, client, [4])
    assert client.asleep.acquire(timeout=PATIENCE)
    thread.put(leave)
    client.watched[0].put(0, b"here")
    assert told.done.acquire(timeout=PATIENCE)


def test_where_there_is_no_room_to_sleep_all_are_told(
    client: Client, thread: ListeningThread
) -> None:
    client.refusal = NestingTooDeep("no room")
    told = watched(thread, client, [4])
    assert told.done.acquire(timeout=PATIENCE)
    assert told.noted == [client.refusal]


def test_when_the_job_has_ended_nobody_listens(client: Client, thread: ListeningThread) -> None:
    client.is_over = True
    told = watched(thread, client, [4])
    assert told.done.acquire(timeout=PATIENCE)
    assert told.noted == ["lost"]
    assert not client.threads


def test_the_end_of_a_job_waits_for_what_is_due(client: Client, thread: ListeningThread) -> None:
    goes_on = threading.Event()
    noted: list[str] = []

    def work() -> None:
        goes_on.wait(PATIENCE)
        noted.append("worked")

    def finish() -> None:
        thread.finish()
        noted.append("finished")

    watched(thread, client, [4])
    assert client.asleep.acquire(timeout=PATIENCE)
    thread.put(work)
    finishing = threading.Thread(target=finish)
    finishing.start()
    goes_on.set()
    finishing.join(PATIENCE)
    assert noted == ["worked", "finished"]
    client.watched[0].put(0, b"here")  # so its thread ends
