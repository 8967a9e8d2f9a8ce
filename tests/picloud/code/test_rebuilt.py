"""What others find in a module goes by its name, also if it could be made anew."""

import functools
import pickletools
import typing
from typing import Any

import pytest

from picloud.code import values

UserId = typing.NewType("UserId", int)


class Movie(typing.TypedDict):
    title: str


Parameters = typing.ParamSpec("Parameters")


@functools.singledispatch
def kind(_: object) -> str:
    return "object"


@pytest.mark.parametrize("item", [UserId, Movie, Parameters, kind], ids=lambda item: item.__name__)
def test_what_a_module_has_goes_by_its_name(item: Any) -> None:
    data = values.dumps([item])
    assert values.loads(data)[0] is item
    assert "REDUCE" not in {opcode.name for opcode, _, _ in pickletools.genops(data)}
