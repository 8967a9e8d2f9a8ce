"""Watches what is handed over in this process: it must be what its bytes would say, and stay so."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from picloud.protocol.frames import Frame, HandOver
from picloud.protocol.wire import WIRE

KEPT = 2_000


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect, in words, what an end has handed over that it must not."""
    faults: list[str] = []
    kept: deque[tuple[object, bytes]] = deque(maxlen=KEPT)
    hand_over = HandOver.encode_frames

    def watch(self: HandOver, messages: Sequence[object]) -> list[Frame]:
        for message in messages:
            encoded = WIRE.encode([message])
            (read,) = WIRE.decode(encoded)
            if repr(read) != repr(message):
                faults.append(f"{message!r:.200} arrives elsewhere as {read!r:.200}")
            kept.append((message, encoded))
        return hand_over(self, messages)

    monkeypatch.setattr(HandOver, "encode_frames", watch)
    yield faults
    faults += [
        f"{message!r:.200} was changed after it was sent"
        for message, encoded in kept.copy()  # clouds go on meanwhile
        if WIRE.encode([message]) != encoded
    ]
