"""Messages for hypothesis, derived from the annotations of their classes."""

import enum
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from picloud.protocol import limits

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(0, limits.MAX_INT) | st.integers(0, 300)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
"""Surrogates that stand alone among them: names of files, and the environment, may hold them."""

_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    int: NUMBERS,
    float: FINITE,
    bool: st.booleans(),
    NoneType: st.none(),
    str: ANY_TEXT,
    bytes: st.binary(max_size=60),
}


def fitting(hint: Any) -> st.SearchStrategy[Any]:
    """Values that fit an annotation of a message's field."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of([fitting(member) for member in members])
    if origin is list:
        return st.lists(fitting(members[0]), max_size=6)
    if origin is dict:
        return st.dictionaries(fitting(members[0]), fitting(members[1]), max_size=4)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return messages(hint)


def messages(cls: type) -> st.SearchStrategy[Any]:
    """Values of one message class."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: fitting(hints[field.name]) for field in fields(cls)})


def example(cls: type) -> Any:
    """One value of a class, always the same: numbers differ, texts name their field."""
    return _Example().of(cls)


class _Example:
    def __init__(self) -> None:
        self._count = 0

    def of(self, cls: type) -> Any:
        hints = get_type_hints(cls)
        return cls(*[self._fitting(hints[field.name], field.name) for field in fields(cls)])

    def _fitting(self, hint: Any, name: str) -> Any:
        hint = getattr(hint, "__supertype__", hint)
        origin, members = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            return self._fitting(members[0], name)
        if origin is list:
            items = [self._fitting(members[0], name), self._fitting(members[0], name)]
            return [*items, None] if NoneType in get_args(members[0]) else items
        if origin is dict:
            return {f"{name} key": self._fitting(members[1], name)}
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return list(hint)[-1]
        return self._simple(hint, name)

    def _simple(self, hint: Any, name: str) -> Any:
        self._count += 1
        match hint:
            case _ if hint is bool:
                return self._count % 2 == 0
            case _ if hint is int:
                return self._count
            case _ if hint is float:
                return self._count + 0.5
            case _ if hint is str:
                return name
            case _ if hint is bytes:
                return f"{name} {self._count}".encode()
        return self.of(hint)


def required_fields(cls: type) -> int:
    """How many fields of a message must be on the wire: those that have no default."""
    return sum(field.default is MISSING for field in fields(cls))
