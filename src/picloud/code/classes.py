"""Classes of the main program, which travel by value, and how they arrive.

cloudpickle gives a class a number, by which a process that has met it before finds the one that it
has, and sets what has arrived on that. Here,

- a program keeps its classes as they are, whatever jobs have made of their copies; so does a job
  when it reads a result;
- a job has a class as it was sent with its function, and then with its arguments: without what
  earlier jobs have added to it, and without what it has lost since. Enums keep what they have;
- a class is defined once. Where it arrives, classes and metaclasses that have come in the same way
  do not hear of it: what they did when it was defined comes along.
"""

import enum
import threading
import types
import typing
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from cloudpickle import cloudpickle

from picloud.code import enums, skeletons

SetState = Callable[[type[Any], Any], object]
Sent = tuple[SetState, tuple[dict[str, Any], Any]]
"""What cloudpickle fills a class with, and by which function."""

renews = False
"""True in processes that run jobs: functions and arguments bring their classes anew."""

_unfilled: WeakSet[type[Any]] = WeakSet()
_filled_with: WeakKeyDictionary[type[Any], Sent] = WeakKeyDictionary()


class _Loading(threading.local):
    is_result = False
    classes: "list[tuple[type[Any], Sent]] | None" = None


loading = _Loading()
"""What this thread loads, and the classes that come with it, if somebody wants to know them."""


def reduce_class(cls: type[Any], reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Have a class that cloudpickle has reduced to its parts restored as it is said above."""
    make, arguments, (attributes, slots), _, _, set_state = reduced
    # Those of slots with private names, which cloudpickle takes along. They are made there.
    sent = {name: item for name, item in attributes.items() if not _is_slot_of(cls, item)}
    if isinstance(cls, enum.EnumMeta):
        if enums.is_made_here(cls):
            make, arguments = enums.make_enum, enums.arguments_for(cls, arguments)
        sent = enums.state_of(cls, sent)
    else:
        kind, name, bases, namespace, *others = arguments
        # What a class can only be made with. `NamedTuple` gives it slots, and takes none.
        namespace = {**namespace, "__qualname__": cls.__qualname__}
        own = vars(cls)
        if "__slots__" in own and typing.NamedTuple not in own.get("__orig_bases__", ()):
            namespace["__slots__"] = own["__slots__"]
            sent.pop("__slots__", None)
        make, arguments = skeletons.make_class, (kind, name, bases, namespace, *others)
    return _found_or_made, (make, arguments), (set_state, (sent, slots)), None, None, _restore


def renew(arrived: list[tuple[type[Any], Sent]]) -> None:
    """Have these classes again as they came with a function, if others have come since."""
    for cls, sent in arrived:
        if _filled_with.get(cls) is not sent:
            _fill(cls, sent)


def known(number: str) -> Any:
    """What this process has met under a number of cloudpickle's; None if nothing."""
    return cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.get(number)


def _found_or_made(make: Callable[..., type[Any]], arguments: tuple[Any, ...]) -> type[Any]:
    """The one that is here, or a new one; cloudpickle makes one in any case."""
    *_, number, _ = arguments
    found: type[Any] | None = known(number)
    if found is None:
        found = make(*arguments)
        _unfilled.add(found)
    return found


def _restore(cls: type[Any], sent: Sent) -> type[Any]:
    is_new = cls in _unfilled
    if is_new or (renews and not loading.is_result):
        _fill(cls, sent)
        _unfilled.discard(cls)
        if loading.classes is not None:
            loading.classes.append((cls, sent))
    return cls


def _fill(cls: type[Any], sent: Sent) -> None:
    set_state, (attributes, slots) = sent
    if isinstance(cls, enum.EnumMeta):
        attributes = enums.fill_members(cls, attributes)
    elif cls not in _unfilled:
        _remove_others(cls, attributes)
    with skeletons.freely_set(type(cls)):
        set_state(cls, (attributes, slots))
    _filled_with[cls] = sent


def _remove_others(cls: type[Any], attributes: dict[str, Any]) -> None:
    """Remove what is not among these. Python's own names and slots stay."""
    for name, item in [*vars(cls).items()]:
        stays = name in attributes or _is_slot_of(cls, item) or name.startswith(("__", "_abc_"))
        if not stays:
            type.__delattr__(cls, name)  # whatever its metaclass makes of that


def _is_slot_of(cls: type[Any], item: object) -> bool:
    return isinstance(item, types.MemberDescriptorType) and item.__objclass__ is cls
