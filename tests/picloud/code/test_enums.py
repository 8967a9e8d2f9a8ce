"""Members of enums by name; how enums of a script arrive is in the tests of whole programs."""

import datetime
import enum
import re
from http import HTTPStatus
from typing import Any

import pytest

from picloud.code import enums


class Sign(enum.Enum):
    MISSING = object()
    ABSENT = MISSING


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Itself(enum.Enum):
    ONE = 1

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (Itself, (1,))


class AsObject(enum.Enum):
    ONE = 1
    __reduce_ex__ = object.__reduce_ex__


class Day(datetime.date, enum.Enum):
    FIRST = 2026, 1, 1


class Hour(datetime.datetime, enum.Enum):
    FIRST = 0
    SECOND = 1

    def __new__(cls, fold: int) -> Any:
        made = datetime.datetime.__new__(cls, 2026, 10, 25, 2, fold=fold)
        made._value_ = fold
        return made


class Code(enum.IntEnum):
    OK = 200

    @classmethod
    def _missing_(cls, value: object) -> Any:
        made = int.__new__(cls, value)  # type: ignore[call-overload]
        made._name_, made._value_ = f"CODE_{value}", value
        cls._member_map_[made._name_] = made
        return cls._value2member_map_.setdefault(value, made)


@pytest.mark.parametrize("member", [Sign.MISSING, Right.READ, HTTPStatus.OK, re.IGNORECASE])
def test_a_member_is_found_by_its_name(member: Any) -> None:
    reduced = enums.reduce_member(member)
    assert reduced is not None
    find, arguments = reduced
    assert arguments == (type(member), member.name)
    assert find(*arguments) is member


@pytest.mark.parametrize(
    "item",
    [Right.READ | Right.WRITE, Itself.ONE, AsObject.ONE, Code(418), 1, Sign],
    ids=["composite", "own-way", "way-of-objects", "made-on-demand", "number", "enum"],
)
def test_what_has_no_name_or_a_way_of_its_own_goes_that_way(item: Any) -> None:
    assert enums.reduce_member(item) is None


def test_a_time_that_comes_twice_is_the_one_that_it_was() -> None:
    cls, *rest = enums.arguments_for(Hour, ((), "", "", (), "", "", None))
    assert rest[3]["SECOND"][0] != rest[3]["FIRST"][0]
    made = datetime.datetime.__new__(datetime.datetime, *rest[3]["SECOND"][0])
    assert (cls, made.fold) == (enum.EnumMeta, 1)


def test_a_member_that_is_gone_is_told_with_its_enum_and_module() -> None:
    reduced = enums.reduce_member(Code.OK)
    assert reduced is not None
    find, (cls, _) = reduced
    with pytest.raises(AttributeError, match=rf"module '{__name__}' has no attribute 'Code.GONE'"):
        find(cls, "GONE")


@pytest.mark.parametrize("mixed_in", [bytearray, Exception])
def test_an_enum_that_mixes_in_what_cannot_be_taken_apart_is_not_made_here(mixed_in: Any) -> None:
    assert enums.is_made_here(Day)
    assert not enums.is_made_here(enum.Enum("Own", [], type=mixed_in))  # type: ignore[misc, arg-type]
