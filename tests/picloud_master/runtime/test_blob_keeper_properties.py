"""Whatever clients say of blobs, in whatever order, the master goes on, and nothing is left."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.blobs.store import BlobStore
from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.limits import BLOB_PIECE
from picloud_master.core import effects
from picloud_master.core.events import Event, SessionClosed
from picloud_master.core.policy import Policy
from picloud_master.runtime.blob_keeper import BlobKeeper
from tests.support.builders import Master, TestClient

CONTENTS = [bytes(3 * BLOB_PIECE), bytes(range(256)) * (9 * BLOB_PIECE // 256) + b"x"]
KINDS = st.sampled_from([*["offer"] * 3, *["answer"] * 4, *["miss"] * 2, "piece", "withdraw"])
ACTIONS = st.lists(
    st.tuples(
        st.one_of(KINDS, st.sampled_from(["read", "leave"])),
        st.sampled_from([0, 0, 1]),
        st.sampled_from([0, 0, 1]),
        st.integers(0, 3),
    ),
    min_size=10,
    max_size=80,
)


class Exchange:
    """A kernel and a keeper, and two clients that may be rude: then others take their places."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.master = Master(Policy(max_unused_blobs=0, max_blob_bytes=4 << 20))
        self.line: list[Event] = []
        self.keeper = BlobKeeper(self.store, self.line.append, lambda peer: None)
        self.clients = [self.master.client(), self.master.client()]
        self.keys = []
        for content in CONTENTS:
            with TemporaryDirectory() as elsewhere:
                pin = BlobStore(None, Path(elsewhere)).put(content)
                self.keys.append(pin.key)
                pin.close()

    def store(self, owner: str) -> BlobStore:
        return BlobStore(None, self.directory / owner)

    def hears(self, event: Event) -> None:
        """All turns that follow."""
        self.line.append(event)
        while self.line:
            for effect in self.master.hears(self.line.pop(0)).effects:
                self.perform(effect)

    def perform(self, effect: effects.Effect) -> None:
        match effect:
            case effects.FetchFromPeer():
                self.keeper.fetch(effect)
            case effects.TakeFromPeer():
                self.keeper.take(effect)
            case effects.ServePeer():
                self.keeper.serve(effect)
            case effects.DropBlob():
                self.keeper.remove(effect)
            case effects.LosePeer():
                self.keeper.lose(effect)
            case effects.DismissClient(session):
                place = [client.id for client in self.clients].index(session)
                self.clients[place] = self.master.client()

    def act(self, kind: str, client: TestClient, key: bytes, content: bytes, place: int) -> None:
        offset = place * BLOB_PIECE
        message: Any = None
        match kind:
            case "offer":
                message = OfferBlobs([key])
            case "withdraw":
                message = WithdrawBlobs([key])
            case "miss":
                message = BlobMissing(key)
            case "read":
                message = ReadBlob(key, 0, 5)
            case "piece":
                message = BlobPiece(key, offset, content[offset : offset + BLOB_PIECE])
            case "answer":
                message = self.honest_answer(client)
        if message is not None:
            self.hears(client.event(message))

    def honest_answer(self, client: TestClient) -> BlobPiece | None:
        """What answers the oldest question that the client has not answered."""
        questions = self.master.registry.blobs.questions
        for peer, asked in questions.items():
            if peer.session == client.id:
                content = CONTENTS[self.keys.index(asked[0].key)]
                start, size = asked[0].offset, asked[0].size
                return BlobPiece(asked[0].key, start, content[start : start + size])
        return None


@given(actions=ACTIONS)
def test_the_master_goes_on(actions: list[tuple[str, int, int, int]]) -> None:
    with TemporaryDirectory() as directory:
        exchange = Exchange(Path(directory))
        for kind, who, which, place in actions:
            client = exchange.clients[who]
            if kind == "leave":
                exchange.hears(SessionClosed(client.id))
                exchange.clients[who] = exchange.master.client()
            else:
                exchange.act(kind, client, exchange.keys[which], CONTENTS[which], place)
        for client in exchange.clients:
            kept = [key for one in client.heard(BlobsKept) for key in one.keys]
            assert not kept or set(kept) <= set(exchange.keys)
            assert all(one.text for one in client.heard(BlobsRefused))
            exchange.hears(SessionClosed(client.id))
        assert exchange.master.registry.blobs._records == {}
        files = [path for path in Path(directory).rglob("*") if path.is_file()]
        assert files == []
