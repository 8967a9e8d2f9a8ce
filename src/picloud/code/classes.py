"""Classes of the main program, which travel by value: what a process that has one makes of it anew.

cloudpickle gives a class a number, by which a process that has met it before finds the one that it
has, and sets what has arrived on that. Here,

- the process that a class comes from keeps it as it is, whatever a job has made of its copy;
- a process that gets it with a function or arguments has it as it was sent, without what earlier
  jobs have added to it, and without what it has lost since;
- a result changes no class that its reader knows.
"""

import enum
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

_own: WeakSet[type[Any]] = WeakSet()
_arrived: WeakSet[type[Any]] = WeakSet()

SetState = Callable[[type[Any], Any], object]


class _Loading(threading.local):
    is_result = False


loading = _Loading()
"""What this thread loads."""


def by_value(cls: type[Any], reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Have a class that cloudpickle has reduced to its parts restored as it is said above."""
    make, arguments, state, _, _, set_state = reduced
    if cls not in _arrived:
        _own.add(cls)
    return make, arguments, (set_state, state), None, None, _restore


def _restore(cls: type[Any], sent: tuple[SetState, tuple[dict[str, Any], Any]]) -> type[Any]:
    set_state, state = sent
    if cls in _own:
        return cls
    if cls in _arrived:
        if loading.is_result:
            return cls
        _remove_others(cls, state[0])
    set_state(cls, state)
    _arrived.add(cls)
    return cls


def _remove_others(cls: type[Any], attributes: dict[str, Any]) -> None:
    """Remove what is not among these. Python's own names, and the members of an enum, stay."""
    if issubclass(cls, enum.Enum):
        return
    slots = cls.__dict__.get("__slots__", ())
    kept = {*attributes, *((slots,) if isinstance(slots, str) else slots)}
    for name in [name for name in vars(cls) if name not in kept]:
        if not name.startswith(("__", "_abc_")):
            with suppress(AttributeError, TypeError):  # a metaclass may not let it go
                delattr(cls, name)
