"""What a link costs for each frame, over the codec: both ends, without any I/O."""

from benchmarks.micro.bench_codec import seconds_per_call
from picloud.protocol.client_messages import Accepted
from picloud.protocol.link import Link
from picloud.protocol.link_messages import PeerRole
from picloud.protocol.wire import WIRE

FRAMES = 200


def run() -> dict[str, float]:
    """Microseconds."""
    client, master = Link(PeerRole.CLIENT, "c", 0.0), Link(PeerRole.MASTER, "m", 0.0)
    _pass_on(client, master)
    _pass_on(master, client)
    message = [Accepted(1)]

    def there() -> None:
        for _ in range(FRAMES):
            master.send(message, 1.0)
            _pass_on(master, client)

    def bare() -> None:
        for _ in range(FRAMES):
            WIRE.decode(WIRE.encode(message))

    def deadline() -> None:
        for _ in range(FRAMES):
            client.next_deadline()

    return {
        "one message from link to link, µs": seconds_per_call(there) / FRAMES * 1e6,
        "the codec's part of it, µs": seconds_per_call(bare) / FRAMES * 1e6,
        "the next deadline, µs": seconds_per_call(deadline) / FRAMES * 1e6,
    }


def _pass_on(speaker: Link, listener: Link) -> None:
    for frame in speaker.frames_to_send():
        listener.receive(frame, 1.0)
