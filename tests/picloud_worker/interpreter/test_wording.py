"""Which arguments their interpreter must put into words."""

import pickle
from decimal import Decimal
from typing import Any

import pytest

from picloud.protocol import limits
from picloud_worker.interpreter.wording import needs_words


class Foreign:
    """Of a class that only the job's own process can load."""


class Seven:
    """Arrives as a plain number, by way of a function that others may not call."""

    def __reduce__(self) -> Any:
        return abs, (-7,)


def needs(*args: Any, **kwargs: Any) -> bool:
    payload = pickle.dumps((args, kwargs), 5)
    return needs_words(payload, *pickle.loads(payload))


@pytest.mark.parametrize("argument", [None, True, 7, 0.5, "text", b"data"], ids=repr)
def test_those_of_python_s_plainest_types_can_be_read_from_their_payload(argument: Any) -> None:
    assert not needs(argument)
    assert not needs(argument, name=argument)


def test_so_can_collections_of_them_and_small_values_of_the_standard_library() -> None:
    assert not needs([1, {"a": (2,)}], Decimal("1.5"))


def test_others_cannot_wherever_they_are() -> None:
    assert needs(Foreign())
    assert needs(1, [Foreign()])
    assert needs(name=Foreign())


def test_what_arrives_as_something_plain_may_have_travelled_as_something_else() -> None:
    assert needs(Seven())
    assert needs_words(b"\0 a payload in parts", ("x" * 1_000_000,), {})


def test_a_large_payload_is_not_passed_on_so_it_is_put_into_words() -> None:
    assert needs(b"x" * limits.MAX_SHOWN_PAYLOAD)


def test_none_that_names_jobs_is_shown() -> None:
    assert not needs([limits.OF_HANDLES, Foreign()])
    assert not needs([limits.OF_HANDLES, b"x" * limits.MAX_SHOWN_PAYLOAD])
