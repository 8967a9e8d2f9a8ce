"""Blobs that are read from a peer, whatever it answers."""

import errno
import random
from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.blobs.fetcher import Fetcher
from picloud.blobs.store import BlobStore
from picloud.protocol import limits
from picloud.protocol.blob_messages import BlobMissing, BlobPiece, ReadBlob
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.payloads import DIGEST_SIZE, key_of, size_of

PIECE, AHEAD = limits.BLOB_PIECE, limits.PIECES_AHEAD
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


def key(name: str, size: int) -> bytes:
    return key_of(name.encode().ljust(DIGEST_SIZE), size)


SMALL = key("small", 10)
LARGE = key("large", 20 * PIECE + 1)


class Taking:
    """Takes in a blob, and counts it only."""

    def __init__(self, node: "Node", name: bytes) -> None:
        self.received = 0
        self._node = node
        self._name = name

    def add(self, data: bytes) -> None:
        if self._node.room < len(data):
            raise NO_ROOM
        self._node.room -= len(data)
        self.received += len(data)

    def finish(self) -> bool:
        if self._name in self._node.nameless:
            raise NO_ROOM
        self._node.open.remove(self)
        return self._name not in self._node.wrong

    def abort(self) -> None:
        self._node.open.remove(self)


class Node:
    """Who fetches: `asked` are the questions that nobody has answered."""

    def __init__(self) -> None:
        self.asked: deque[ReadBlob] = deque()
        self.ended: dict[bytes, str] = {}
        self.ends: Counter[bytes] = Counter()
        self.open: list[Taking] = []
        self.room = 1 << 40
        self.files = 1 << 40
        self.wrong: set[bytes] = set()
        self.nameless: set[bytes] = set()
        self.fetcher = Fetcher(self._receive, self.asked.append, self._end, "ann")

    def _receive(self, name: bytes) -> Taking:
        if len(self.open) >= self.files:
            raise NO_ROOM
        self.open.append(Taking(self, name))
        return self.open[-1]

    def _end(self, name: bytes, text: str) -> None:
        self.ended[name] = text
        self.ends[name] += 1

    def hears(self, answer: BlobPiece | BlobMissing) -> None:
        """The peer says this."""
        if isinstance(answer, BlobPiece):
            self.fetcher.on_piece(answer)
        else:
            self.fetcher.on_missing(answer)

    def is_answered(self, count: int = 1) -> None:
        """The peer says the next pieces."""
        for _ in range(count):
            question = self.asked.popleft()
            self.fetcher.on_piece(piece_of(question))

    def hears_of_missing(self) -> None:
        """The peer has not got what it is asked for next."""
        self.fetcher.on_missing(BlobMissing(self.asked.popleft().key))

    def hears_all(self) -> None:
        """The peer answers all that it is asked."""
        while self.asked:
            self.is_answered()


def piece_of(question: ReadBlob) -> BlobPiece:
    return BlobPiece(question.key, question.offset, bytes(question.size))


@pytest.fixture
def node() -> Node:
    return Node()


# ------------------------------------------------------------------ reading


def test_a_small_blob_is_one_piece(node: Node) -> None:
    node.fetcher.want(SMALL)
    assert list(node.asked) == [ReadBlob(SMALL, 0, 10, "ann")]
    node.is_answered()
    assert node.ended == {SMALL: ""}
    assert node.open == []


def test_a_large_blob_is_asked_for_a_few_pieces_ahead(node: Node) -> None:
    node.fetcher.want(LARGE)
    assert [each.offset for each in node.asked] == [n * PIECE for n in range(AHEAD)]
    node.is_answered()
    assert [each.offset for each in node.asked] == [n * PIECE for n in range(1, AHEAD + 1)]
    node.is_answered(19)
    assert list(node.asked) == [ReadBlob(LARGE, 20 * PIECE, 1, "ann")]
    assert node.ended == {}
    node.is_answered()
    assert node.ended == {LARGE: ""}


def test_a_blob_that_is_wanted_twice_is_read_once(node: Node) -> None:
    node.fetcher.want(SMALL)
    node.fetcher.want(SMALL)
    node.hears_all()
    assert node.ends == {SMALL: 1}


def test_blobs_are_read_in_the_order_in_which_they_were_wanted(node: Node) -> None:
    names = [key(str(number), 3 * PIECE) for number in range(5)]
    for name in names:
        node.fetcher.want(name)
    node.hears_all()
    assert list(node.ended) == names


def test_a_blob_can_be_read_again(node: Node) -> None:
    for _ in range(2):
        node.fetcher.want(SMALL)
        node.hears_all()
    assert node.ends == {SMALL: 2}


# ------------------------------------------------------------------ what goes wrong


def test_a_blob_that_is_missing_makes_room_for_the_next(node: Node) -> None:
    node.fetcher.want(LARGE)
    node.fetcher.want(SMALL)
    for _ in range(AHEAD):
        node.hears_of_missing()
    node.hears_all()
    assert node.ended == {LARGE: "it was deleted", SMALL: ""}
    assert node.open == []


def test_pieces_of_a_blob_that_was_given_up_are_ignored(node: Node) -> None:
    node.fetcher.want(LARGE)
    node.hears_of_missing()
    node.is_answered(AHEAD - 1)
    assert not node.asked
    assert node.ends == {LARGE: 1}


@pytest.mark.parametrize("answer", ["is_answered", "hears_of_missing"])
def test_old_answers_do_not_count_for_a_blob_that_is_wanted_again(node: Node, answer: str) -> None:
    node.fetcher.want(LARGE)
    node.hears_of_missing()
    node.fetcher.want(LARGE)
    for _ in range(AHEAD - 1):
        getattr(node, answer)()
    node.hears_all()
    assert node.ends == {LARGE: 2}
    assert node.ended == {LARGE: ""}


def test_a_full_disk_ends_a_blob_with_a_text(node: Node) -> None:
    node.room = 3 * PIECE
    node.fetcher.want(LARGE)
    node.hears_all()
    assert node.ended == {LARGE: "there is no room for it: No space left on device"}
    assert node.open == []


def test_a_blob_that_cannot_begin_does_not_stop_the_others(node: Node) -> None:
    node.files = 0
    node.fetcher.want(LARGE)
    node.files = 1
    node.fetcher.want(SMALL)
    node.hears_all()
    assert node.ended == {LARGE: "there is no room for it: No space left on device", SMALL: ""}


def test_a_blob_that_cannot_get_its_name_ends_with_a_text(node: Node) -> None:
    node.nameless = {SMALL}
    node.fetcher.want(SMALL)
    node.hears_all()
    assert node.ended == {SMALL: "there is no room for it: No space left on device"}
    assert node.open == []


def test_a_content_that_is_not_what_its_key_says_is_not_taken(node: Node) -> None:
    node.wrong = {SMALL}
    node.fetcher.want(SMALL)
    node.hears_all()
    assert node.ended == {SMALL: "its content is not what its key says"}


def test_a_peer_that_is_gone_ends_all_that_was_wanted(node: Node) -> None:
    for name in (LARGE, SMALL):
        node.fetcher.want(name)
    node.is_answered(3)
    node.fetcher.lose("gone")
    assert node.ended == {LARGE: "gone", SMALL: "gone"}
    assert node.open == []


@pytest.mark.parametrize(
    "wrong",
    [
        BlobPiece(LARGE, PIECE, bytes(PIECE)),
        BlobPiece(LARGE, 0, bytes(PIECE - 1)),
        BlobPiece(LARGE, 0, bytes(PIECE + 1)),
        BlobPiece(LARGE, 0, b""),
        BlobPiece(SMALL, 0, bytes(10)),
        BlobMissing(SMALL),
    ],
    ids=["offset", "too short", "too long", "empty", "another blob", "another is missing"],
)
def test_an_answer_to_nothing_that_was_asked_is_refused(
    node: Node, wrong: BlobPiece | BlobMissing
) -> None:
    node.fetcher.want(LARGE)
    with pytest.raises(RemoteProtocolError):
        node.hears(wrong)


def test_a_piece_too_many_is_refused(node: Node) -> None:
    node.fetcher.want(SMALL)
    node.is_answered()
    with pytest.raises(RemoteProtocolError):
        node.fetcher.on_piece(BlobPiece(SMALL, 0, bytes(10)))


def test_an_end_may_make_another_blob_wanted() -> None:
    asked: list[ReadBlob] = []
    ended: list[bytes] = []

    def receive(name: bytes) -> Taking:
        raise NO_ROOM

    def on_end(name: bytes, text: str) -> None:
        ended.append(name)
        if len(ended) == 1:
            fetcher.want(SMALL)

    fetcher = Fetcher(receive, asked.append, on_end)
    fetcher.want(LARGE)
    assert ended == [LARGE, SMALL]
    assert asked == []


# ------------------------------------------------------------------ whatever happens

NAMES = [key(str(number), size) for number, size in enumerate((1, PIECE, 2 * PIECE + 5, 9 * PIECE))]
STEPS = st.one_of(
    st.tuples(st.just("want"), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["piece", "missing"]), st.integers(0, 20)),
    st.tuples(st.sampled_from(["full", "emptied", "no files", "files"]), st.none()),
    st.tuples(st.just("lose"), st.none()),
)


def answered(node: Node, number: int) -> ReadBlob:
    """One of the questions; those about one blob are answered in order, others as they like."""
    question = node.asked[number % len(node.asked)]
    first = next(each for each in node.asked if each.key == question.key)
    node.asked.remove(first)
    return first


@given(st.lists(STEPS, max_size=60), st.sets(st.sampled_from(NAMES)))
def test_whatever_the_peer_answers_each_blob_ends_once_for_each_time_it_was_wanted(
    steps: list[tuple[str, object]], wrong: set[bytes]
) -> None:
    node, wanted = Node(), Counter[bytes]()
    node.wrong = wrong
    for what, how in steps:
        match what, how:
            case "want", bytes(name):
                wanted[name] += wanted[name] == node.ends[name]
                node.fetcher.want(name)
            case "piece", int(number) if node.asked:
                node.fetcher.on_piece(piece_of(answered(node, number)))
            case "missing", int(number) if node.asked:
                node.fetcher.on_missing(BlobMissing(answered(node, number).key))
            case "full" | "emptied", _:
                node.room = 0 if what == "full" else 1 << 40
            case "no files" | "files", _:
                node.files = 0 if what == "no files" else 1 << 40
            case "lose", _:
                node.asked.clear()
                node.fetcher.lose("gone")
        assert len(node.asked) <= AHEAD
        assert all(wanted[name] - node.ends[name] in (0, 1) for name in NAMES)
    node.room = node.files = 1 << 40
    node.hears_all()
    assert node.ends == +wanted
    assert node.open == []


def test_a_store_has_what_was_read_from_another(
    store: BlobStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = BlobStore(None, tmp_path_factory.mktemp("source"))
    pin = source.put(random.Random(1).randbytes(3 * PIECE + 1))
    asked: deque[ReadBlob] = deque()
    ended: dict[bytes, str] = {}
    fetcher = Fetcher(store.receive, asked.append, ended.__setitem__)
    fetcher.want(pin.key)
    while asked:
        question = asked.popleft()
        data = pin.read(question.offset, question.size)
        fetcher.on_piece(BlobPiece(question.key, question.offset, data))
    assert ended == {pin.key: ""}
    view = store.open(pin.key)
    assert view is not None
    assert bytes(view) == pin.read(0, size_of(pin.key))
