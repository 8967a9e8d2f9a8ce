"""Short looks at values."""

from typing import Any

import pytest

from picloud.code.plain import begins_large, is_plain
from picloud.protocol import limits

LARGE = limits.SPILL_FROM


class Number(int):
    """Has to keep its class."""


PLAIN: list[Any] = [
    *(1, 2.0, 3j, True, None, "text", b"bytes"),
    ("x" * (LARGE - 1), b"x" * (LARGE - 1)),
    (),
    (1, "two", None),
    ((), {}),
    ((1, "two"), {}),
    ((1,), {"key": b"value", "other": 2}),
]
NOT_PLAIN: list[Any] = [
    *(Number(1), [1], {}, bytearray(), "x" * LARGE, b"x" * LARGE),
    (1, [2]),
    (1, "x" * LARGE),
    tuple(range(1000)),
    (tuple(range(1000)), {}),
    (([1],), {}),
    ((1,), {"key": [1]}),
    ((1,), {1: 2}),
    ((1,), {"key": b"x" * LARGE}),
    ((Number(1),), {}),
    ((1,), {}, 2),
]


@pytest.mark.parametrize("value", PLAIN, ids="{!r:.40}".format)
def test_it_is_plain(value: Any) -> None:
    assert is_plain(value)
    assert not begins_large(value)


@pytest.mark.parametrize("value", NOT_PLAIN, ids="{!r:.40}".format)
def test_it_is_not(value: Any) -> None:
    assert not is_plain(value)


@pytest.mark.parametrize("large", ["x" * LARGE, b"x" * LARGE, bytearray(LARGE)], ids=type)
def test_what_is_large_is_seen_at_the_top(large: Any) -> None:
    for value in (large, (1, large), ((1, large), {}), ((), {"key": large})):
        assert begins_large(value)
    for deep in ([large], {"key": large}, (([large],), {})):
        assert not begins_large(deep)
