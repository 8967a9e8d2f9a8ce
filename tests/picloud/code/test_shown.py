"""Arguments in words."""

import datetime
import pickle
import tracemalloc
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import pytest

from picloud.code import values
from picloud.code.shown import MAX_ARGUMENTS, shown, shown_plain


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, ""),
        ((1, "two"), {"three": [3]}, "1, 'two', three=[3]"),
        ((list(range(1000)),), {}, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"),
    ],
)
def test_arguments_read_as_they_might_be_written(args: Any, kwargs: Any, text: str) -> None:
    assert shown(args, kwargs) == text


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda size: [bytes(size)]])
def test_large_bytes_are_not_written_out_to_show_their_ends(kind: Any) -> None:
    argument = kind(64 << 20)
    tracemalloc.start()
    try:
        text = shown((argument,), {"data": argument})
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert text.count("...") == 2
    assert len(text) < MAX_ARGUMENTS


def test_many_arguments_are_cut() -> None:
    text = shown(("x" * 500,) * 100, {})
    assert len(text) == MAX_ARGUMENTS
    assert text.endswith(" ...")
    assert shown((1,) * 400, {}) == f"{'1, ' * 332} ..."


def test_what_holds_itself_many_times_is_not_followed_for_long() -> None:
    looks = 0

    class Item:
        def __repr__(self) -> str:
            nonlocal looks
            looks += 1
            return "item"

    bomb: list[Any] = [Item()] * 12
    for _ in range(5):
        bomb = [bomb] * 12
    assert len(shown((bomb,) * 20, {})) == MAX_ARGUMENTS
    assert looks < 1000


def test_a_very_long_number_is_not_written_out() -> None:
    assert shown((10**5000, 7), {}) == "<int of 16610 bits>, 7"


def test_an_argument_that_will_not_be_shown_harms_nothing() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise SystemExit(3)

    assert shown((1, Rude()), {"three": 3}) == "1, [its repr raised SystemExit], three=3"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), ""),
        ((1, None, "two", b"3", 4j), "1, None, 'two', b'3', 4j"),
        (([{1}, frozenset({2})], range(3)), "[{1}, frozenset({2})], range(0, 3)"),
        ((PurePosixPath("a/b"), Fraction(1, 3)), "PurePosixPath('a/b'), Fraction(1, 3)"),
        ((datetime.date(2026, 1, 2),), "datetime.date(2026, 1, 2)"),
    ],
)
def test_a_payload_of_plain_arguments_is_shown(args: tuple[Any, ...], text: str) -> None:
    assert shown_plain(values.dumps((args, {"key": 1}))) == f"{text}, key=1".removeprefix(", ")


class Mine:
    """A class of a user."""

    made = 0

    def __setstate__(self, state: object) -> None:
        Mine.made += 1


class Allocated:
    """Few bytes, pickled, that take many."""

    def __reduce__(self) -> tuple[Any, ...]:
        return bytearray, (1 << 34,)


@pytest.mark.parametrize(
    "payload",
    [
        values.dumps(((Mine(),), {})),
        values.dumps(((print,), {})),
        pickle.dumps(((Allocated(),), {})),
        values.dumps(((values.dumps,), {})),
        pickle.dumps(5),
        pickle.dumps(((1,), 2)),
        b"",
        b"no pickle",
        b"\0spilled",
    ],
)
def test_a_payload_of_anything_else_is_left_alone(payload: bytes) -> None:
    assert shown_plain(payload) is None
    assert Mine.made == 0
