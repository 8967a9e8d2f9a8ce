"""Short looks at values: whether the pickler of Python alone is enough, and how to begin.

Every job that is submitted and every result is looked at so, which takes a part of a microsecond.
"""

from collections.abc import Callable, Collection
from itertools import chain, islice
from typing import Any

from picloud.code.spilled import is_large
from picloud.protocol import limits

_NUMBERS = frozenset({int, float, complex, bool, type(None)})
_NAMES = frozenset({str})
_TEXTS = frozenset({str, bytes})
_ATOMS = _NUMBERS | _TEXTS
_COLLECTIONS = frozenset({list, tuple})
_LARGE = limits.SPILL_FROM
_SHORT = 4  # up to here a loop is faster than one that Python does by itself
_LEVELS = 3  # of collections in each other that are looked at
_FEW = 64  # checking a longer tuple would cost more than the pickler that it saves


def is_plain(value: Any) -> bool:
    """True for exact built-in atoms, for small tuples of them, and for calls `(args, kwargs)`.

    Large bytes and texts are not plain: they travel apart.
    """
    kind = type(value)
    if kind in _NUMBERS:
        return True
    if kind is not tuple:
        return (kind is str or kind is bytes) and len(value) < _LARGE
    if len(value) == 2 and type(value[0]) is tuple and type(value[1]) is dict:
        args, kwargs = value
        if kwargs and not (_NAMES.issuperset(map(type, kwargs)) and _are_plain(kwargs.values())):
            return False
        return len(args) + len(kwargs) <= _FEW and _are_plain(args)
    return len(value) <= _FEW and _are_plain(value)


def _are_plain(items: Collection[Any]) -> bool:
    """True for atoms that are not large."""
    if len(items) > _SHORT and _NUMBERS.issuperset(map(type, items)):
        return True
    for each in items:
        kind = type(each)
        if kind not in _NUMBERS and (
            (kind is not str and kind is not bytes) or len(each) >= _LARGE
        ):
            return False
    return True


def is_plain_but_for(value: Any, handles: Callable[[type], bool]) -> bool:
    """True for a few handles: alone, among atoms, or in small lists and tuples of both.

    Every value that is not plain is looked at so: it must not take long to see that one is not.
    """
    items: Collection[Any] = (value,)
    if type(value) is tuple and len(value) == 2 and type(value[1]) is dict:
        args, kwargs = value
        if type(args) is tuple and _NAMES.issuperset(map(type, kwargs)):
            items = (*args, *kwargs.values())
    found = False
    for _ in range(_LEVELS):
        if len(items) > _FEW:
            return False
        kinds = set(map(type, items))
        for kind in kinds - _COLLECTIONS - _ATOMS:
            if not handles(kind):
                return False
            found = True
        if kinds & _TEXTS and any(type(each) in _TEXTS and len(each) > _FEW for each in items):
            return False
        if not kinds & _COLLECTIONS:
            return found
        below = [each for each in items if type(each) in _COLLECTIONS]
        items = list(islice(chain.from_iterable(below), _FEW + 1))
    return False


def begins_large(value: Any) -> bool:
    """True if a short look finds what is better taken out: a pickler would copy a text first."""
    if type(value) is not tuple:
        return is_large(value)
    if len(value) == 2 and type(value[0]) is tuple and type(value[1]) is dict:
        args, kwargs = value
        return any(map(is_large, args)) or (kwargs and any(map(is_large, kwargs.values())))
    return any(map(is_large, value))
