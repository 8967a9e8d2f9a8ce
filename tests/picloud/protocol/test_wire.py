"""The bytes of every message, kept: a change of the wire is a decision, not an accident.

`samples.txt` has a line for each message class: its tag, its name and fields, and the frame of
one message. Lines are added; one changes only with the protocol version.
"""

from dataclasses import fields
from pathlib import Path

import pytest

from picloud.protocol.codec import Codec
from picloud.protocol.link_messages import CloseReason, Hello, PeerRole
from picloud.protocol.wire import WIRE
from picloud_worker.pipe.line import LINE
from picloud_worker.pipe.messages import PIPE
from tests.support.strategies import example

SAMPLES = Path(__file__).with_name("samples.txt")
CODECS = {"wire": WIRE, "pipe": PIPE, "line": LINE}


def samples() -> dict[str, tuple[str, bytes]]:
    """The kept lines: `wire 16` → the message's name and fields, and its bytes."""
    lines = SAMPLES.read_text().splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            head, _, frame = line.partition(": ")
            registry, tag, title = head.split(" ", 2)
            found[f"{registry} {tag}"] = title, bytes.fromhex(frame)
    return found


def title_of(cls: type) -> str:
    return f"{cls.__name__}({', '.join(field.name for field in fields(cls))})"


def lines_now() -> list[str]:
    """What the file would say if it were written now."""
    return [
        f"{name} {tag} {title_of(cls)}: {codec.encode([example(cls)]).hex()}"
        for name, codec in CODECS.items()
        for tag, cls in codec._classes.items()
    ]


@pytest.mark.parametrize("key", samples())
def test_a_message_has_the_bytes_that_it_always_had(key: str) -> None:
    registry, _, tag = key.partition(" ")
    codec: Codec = CODECS[registry]
    cls = codec._classes[int(tag)]
    title, frame = samples()[key]
    assert title_of(cls) == title
    assert codec.encode([example(cls)]).hex(" ") == frame.hex(" ")
    assert codec.decode(frame) == [example(cls)]


def test_every_message_has_a_sample() -> None:
    missing = [line for line in lines_now() if " ".join(line.split(" ", 2)[:2]) not in samples()]
    assert missing == [], f"new messages: add these lines to {SAMPLES.name}"


def test_every_word_on_the_wire_is_kept() -> None:
    assert [each.value for each in PeerRole] == ["client", "worker", "master"]
    assert [each.value for each in CloseReason] == [
        "finished",
        "version",
        "protocol",
        "refused",
        "silence",
        "lost",
    ]


def test_a_greeting_begins_with_the_versions() -> None:
    # Whatever else changes, a peer of another version must be able to read these two.
    assert WIRE.encode([Hello(1, 2, PeerRole.CLIENT, "n")])[:5].hex(" ") == "91 95 01 01 02"
