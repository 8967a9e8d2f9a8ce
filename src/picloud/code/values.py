"""Python values to bytes and back: the one place that pickles and unpickles values.

Objects whose class is defined in `__main__`, or inside a function, travel by value; all else
travels by reference to its module. Plain values take a short cut: setting up a cloudpickle
pickler costs ten times as much as pickling a small number.
"""

import io
import pickle
import types
from collections import ChainMap
from typing import Any, ClassVar

import cloudpickle

from picloud.code import sources
from picloud.protocol import limits

PROTOCOL = 5

_ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
_FEW = 64  # checking a longer tuple would cost more than the pickler that it saves


class Unpicklable(TypeError):  # noqa: N818 - named for the value, as its kin in picloud.errors are
    """A value that cannot travel; the text names the type that is in the way."""


class Oversize(ValueError):  # noqa: N818
    """A value whose pickle is over the limit of one payload."""


def dumps(value: Any) -> bytes:
    """Pickle a value.

    Raises:
        Unpicklable: the value, or something inside it, cannot be pickled.
        Oversize: the pickle is larger than one payload may be.
    """
    data = pickle.dumps(value, PROTOCOL) if _is_plain(value) else _dumps_any(value)
    if len(data) > limits.MAX_PAYLOAD:
        raise Oversize(
            f"a value of type {_name(value)} takes {len(data) >> 20} MB pickled, "
            f"the limit is {limits.MAX_PAYLOAD >> 20} MB"
        )
    return data


loads = pickle.loads
"""Unpickle a value. It may run anything, and raise anything: never call it on a master."""


def _is_plain(value: Any) -> bool:
    """True for exact built-in atoms, for small tuples of them, and for calls `(args, kwargs)`."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is not tuple or len(value) > _FEW:
        return False
    if _ATOMS.issuperset(map(type, value)):
        return True
    return len(value) == 2 and _are_plain_arguments(*value)


def _are_plain_arguments(args: Any, kwargs: Any) -> bool:
    return (
        type(args) is tuple
        and type(kwargs) is dict
        and len(args) + len(kwargs) <= _FEW
        and _ATOMS.issuperset(map(type, args))
        and _ATOMS.issuperset(map(type, kwargs))
        and _ATOMS.issuperset(map(type, kwargs.values()))
    )


def _dumps_any(value: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        ValuePickler(buffer, PROTOCOL).dump(value)
    except MemoryError:
        raise
    except Exception as error:  # classes of users run here and raise what they like
        raise Unpicklable(_why(value, error)) from error
    return buffer.getvalue()


def _why(value: Any, error: Exception) -> str:
    culprit = _name(_last_reduced(value))
    inside = "" if culprit == _name(value) else f" inside a value of type {_name(value)}"
    return f"an object of type {culprit}{inside} cannot be pickled: {type(error).__name__}: {error}"


def _last_reduced(value: Any) -> Any:
    """Pickle once more to see at which object it stops."""
    tracer = _Tracer(io.BytesIO(), PROTOCOL)
    try:
        tracer.dump(value)
    except Exception:  # noqa: BLE001 - the first attempt's error is the one that is reported
        return tracer.last
    return value


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle's, and functions keep their source lines."""

    dispatch_table: ClassVar[Any] = ChainMap(
        {types.CodeType: sources.reduce_code}, cloudpickle.Pickler.dispatch_table
    )


class _Tracer(ValuePickler):
    last: Any = None

    def reducer_override(self, obj: Any) -> Any:
        self.last = obj
        return super().reducer_override(obj)


def _name(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
