"""Messages that are handed over, and what tests look for when they are."""

import pytest

from picloud.protocol.client_messages import KillJobs
from picloud.protocol.frames import HAND_OVER
from tests.support import hand_overs


def test_messages_arrive_as_they_are_and_in_order() -> None:
    messages = [KillJobs(1, [2]), KillJobs(2, [3])]
    (frame,) = HAND_OVER.encode_frames(messages)
    arrived = HAND_OVER.decode(frame)
    assert [id(each) for each in arrived] == [id(each) for each in messages]


def test_a_message_that_is_changed_after_it_was_sent_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jids = [2]
    with hand_overs.watched(monkeypatch) as faults:
        HAND_OVER.encode_frames([KillJobs(1, jids)])
        jids.append(3)
    assert len(faults) == 1
    assert "was changed after it was sent" in faults[0]


def test_a_message_that_holds_what_is_no_message_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Number(int):
        def __repr__(self) -> str:
            return "a number with a life of its own"

    with hand_overs.watched(monkeypatch) as faults:
        HAND_OVER.encode_frames([KillJobs(1, [Number(2)])])
    assert len(faults) == 1
    assert "arrives elsewhere as" in faults[0]
