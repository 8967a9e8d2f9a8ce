"""Items of a `map`, pickled in pieces."""

import threading
from typing import Any

import pytest

from picloud import errors
from picloud.code import functions, values
from picloud.map_items import pieces_of
from picloud.protocol import limits
from picloud.protocol.client_messages import SubmitJobs
from picloud.session import Session
from picloud.submit_verbs import PIECE_ITEMS
from tests.support.fake_master import FakeMaster


def test_an_input_that_is_there_already_is_sent_in_few_pieces() -> None:
    packed = functions.pack(len)
    pieces = pieces_of(len, packed, ((n,) for n in range(2 * PIECE_ITEMS + 1)), PIECE_ITEMS, None)
    assert [len(piece.payloads) for piece in pieces] == [PIECE_ITEMS, PIECE_ITEMS, 1]


class Client:
    def __init__(self) -> None:
        self._lock = threading.Lock()


@pytest.mark.parametrize(
    ("iterables", "place"),
    [
        (lambda: [[1, 2, Client(), 3]], r"item 2: args\[0\]\._lock: "),
        (lambda: [iter([1, 2, Client(), 3])], r"item 2: args\[0\]\._lock: "),
        (lambda: [[1, 2], ["a", Client()]], r"item 1: args\[1\]\._lock: "),
        (
            lambda: [range(2_000), (Client() if n == 1_234 else n for n in range(2_000))],
            "item 1234: ",
        ),
        (lambda: [[1, Client()], [[]] * 2, [[]] * 2], r"item 1: args\[0\]\._lock: "),
    ],
    ids=["a list", "a generator", "two lists", "amid many", "three lists"],
)
def test_a_refusal_says_which_item_it_is(session: Session, iterables: Any, place: str) -> None:
    with pytest.raises(errors.SerializationError, match=f"^{place}"):
        session.map(lambda *items: items, *iterables())


def test_so_does_that_of_an_item_that_is_too_large() -> None:
    calls = [(b"small",), (bytearray(limits.MAX_PAYLOAD + 1),)]
    with pytest.raises(values.Oversize, match=r"^item 1: a value of type tuple takes 64 MB"):
        list(pieces_of(len, functions.pack(len), calls, PIECE_ITEMS, None))


def test_a_refusal_of_the_function_names_no_item(master: FakeMaster, session: Session) -> None:
    client = Client()
    with pytest.raises(errors.SerializationError, match=r"^<lambda>\."):
        session.map(lambda _: client, [1])
    assert master.told(SubmitJobs) == []
