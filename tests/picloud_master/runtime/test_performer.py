from collections.abc import Callable
from typing import Any

from picloud.protocol.client_messages import Accepted
from picloud.protocol.ids import SessionId, WorkerId
from picloud.protocol.worker_messages import TakeBack
from picloud_master.app import no_store
from picloud_master.core.effects import (
    DismissClient,
    DismissWorker,
    SendToClient,
    SendToWorker,
    SetAlarm,
)
from picloud_master.runtime.performer import Performer


class Listener:
    """A `Peer` that keeps the frames that it is sent, and the reason why it was dismissed."""

    def __init__(self) -> None:
        self.frames: list[list[Any]] = []
        self.dismissals: list[str] = []
        self._next: list[Any] = []

    def enqueue(self, message: Any) -> None:
        self._next.append(message)

    def flush(self) -> None:
        self.frames.append(self._next)
        self._next = []

    def has_room(self) -> bool:
        return True

    def on_room(self, callback: Callable[[], None]) -> None:
        raise AssertionError("it has room")

    def dismiss(self, text: str) -> None:
        self.dismissals.append(text)


def a_performer(set_alarm: Callable[[float], None] = lambda at: None) -> Performer:
    return Performer(set_alarm, no_store, lambda event: None)


def performer() -> tuple[Performer, Listener, Listener]:
    """A performer with client 1 and worker 1."""
    made, client, worker = a_performer(), Listener(), Listener()
    made.clients[SessionId(1)] = client
    made.workers[WorkerId(1)] = worker
    return made, client, worker


def to_client(session: int, number: int) -> SendToClient:
    return SendToClient(SessionId(session), Accepted(number))


def to_worker(worker: int, number: int) -> SendToWorker:
    return SendToWorker(WorkerId(worker), TakeBack(number))


def test_what_is_said_to_a_peer_leaves_as_one_frame_in_order() -> None:
    made, client, worker = performer()
    made.perform([to_client(1, 1), to_worker(1, 5), to_client(1, 2)])
    assert client.frames == [[Accepted(1), Accepted(2)]]
    assert worker.frames == [[TakeBack(5)]]


def test_a_peer_that_is_not_spoken_to_gets_no_frame() -> None:
    made, client, worker = performer()
    made.perform([to_client(1, 1)])
    made.perform([])
    assert worker.frames == []
    assert client.frames == [[Accepted(1)]]


def test_peers_that_are_gone_are_skipped() -> None:
    made, client, worker = performer()
    made.perform(
        [
            to_client(2, 1),
            to_worker(2, 1),
            DismissClient(SessionId(2), "x"),
            DismissWorker(WorkerId(2), "x"),
            to_client(1, 7),
        ]
    )
    assert client.frames == [[Accepted(7)]]
    assert worker.frames == []


def test_a_peer_that_leaves_is_spoken_to_no_more() -> None:
    made, client, _ = performer()
    del made.clients[SessionId(1)]
    made.perform([to_client(1, 1)])
    assert client.frames == []


def test_a_dismissed_peer_is_told_why() -> None:
    made, client, worker = performer()
    made.perform([DismissClient(SessionId(1), "rude"), DismissWorker(WorkerId(1), "late")])
    assert client.dismissals == ["rude"]
    assert worker.dismissals == ["late"]


def test_the_alarm_is_set() -> None:
    times: list[float] = []
    a_performer(times.append).perform([SetAlarm(7.5)])
    assert times == [7.5]
