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
import types
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
    make, arguments, (attributes, slots), _, _, set_state = reduced
    # Those of slots with private names, which cloudpickle takes along. They are made there.
    sent = {name: item for name, item in attributes.items() if not _is_slot(item)}
    if cls not in _arrived:
        _own.add(cls)
    return make, arguments, (set_state, (sent, slots)), None, None, _restore


def _is_slot(item: object) -> bool:
    return isinstance(item, types.MemberDescriptorType)


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
    """Remove what is not among these. Python's own names, slots, and members of an enum stay."""
    if issubclass(cls, enum.Enum):
        return
    for name, item in [*vars(cls).items()]:
        stays = name in attributes or _is_slot(item) or name.startswith(("__", "_abc_"))
        if not stays:
            with suppress(AttributeError, TypeError):  # a metaclass may not let it go
                delattr(cls, name)
