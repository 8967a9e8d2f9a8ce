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
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from cloudpickle import cloudpickle

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
    if "__slots__" in sent and not issubclass(cls, (enum.Enum, tuple)):
        # cloudpickle would set them on a class that was made without. Tuples can have none.
        kind, name, bases, namespace, *others = arguments
        arguments = kind, name, bases, {**namespace, "__slots__": sent.pop("__slots__")}, *others
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
        found = make(*arguments) if make is not _upstream else _made(*arguments)
        _unfilled.add(found)
    return found


def _made(
    metaclass: Any, name: str, bases: Any, namespace: dict[str, Any], number: str, extra: Any
) -> type[Any]:
    """Make an empty class, to be filled."""
    made: type[Any]
    resolved = types.resolve_bases(bases)
    with _unheard([each for base in resolved for each in base.__mro__]):
        if not _has_come(metaclass):
            made = _upstream(metaclass, name, bases, namespace, number, extra)
            return made
        namespace = {sys.intern(each): item for each, item in namespace.items()}
        if resolved is not bases:
            namespace["__orig_bases__"] = bases
        given = name, resolved, namespace
        made = _next_method(metaclass, "__new__")(metaclass, *given)
        _next_method(metaclass, "__init__")(made, *given)
    return cloudpickle._lookup_class_or_track(number, made)  # type: ignore[no-any-return]


_upstream = cloudpickle._make_skeleton_class

_HOOK = "__init_subclass__"
_making = threading.RLock()


def _next_method(cls: type[Any], name: str) -> Any:
    """The method of the first class above that has not come by value: it lacks what that did."""
    owner = next(each for each in cls.__mro__ if name in vars(each) and not _has_come(each))
    return getattr(owner, name)


@contextmanager
def _unheard(above: Iterable[type[Any]]) -> Iterator[None]:
    """Keep the classes above that have come by value from hearing of what this thread makes."""
    with _making:
        hooks = {
            each: vars(each)[_HOOK] for each in above if _has_come(each) and _HOOK in vars(each)
        }
        for each, hook in hooks.items():
            type.__setattr__(each, _HOOK, _passing_over(each, hook))
        try:
            yield
        finally:
            for each, hook in hooks.items():
                type.__setattr__(each, _HOOK, hook)


def _passing_over(cls: type[Any], hook: Any) -> Any:
    """A hook that passes over the one of this class, except for other threads of the program."""
    maker = threading.get_ident()

    def heard(made: type[Any], /, *args: Any, **kwargs: Any) -> None:
        if threading.get_ident() != maker:
            hook.__get__(None, made)(*args, **kwargs)
            return
        behind = made.__mro__[made.__mro__.index(cls) + 1 :]
        owner = next(each for each in behind if _HOOK in vars(each) and not _has_come(each))
        vars(owner)[_HOOK].__get__(None, made)(*args, **kwargs)

    return classmethod(heard)


@contextmanager
def _freely_set(metaclass: type) -> Iterator[None]:
    """Have a metaclass that has come by value let every attribute be set."""
    with _making:
        own = [
            each for each in metaclass.__mro__ if _has_come(each) and "__setattr__" in vars(each)
        ]
        guards = [vars(each)["__setattr__"] for each in own]
        for each in own:
            type.__setattr__(each, "__setattr__", type.__setattr__)
        try:
            yield
        finally:
            for each, guard in zip(own, guards, strict=True):
                type.__setattr__(each, "__setattr__", guard)


def _has_come(cls: type[Any]) -> bool:
    """Whether it travels by value: it has arrived so, or left."""
    return cls in cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS


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
    if cls not in _unfilled and not issubclass(cls, enum.Enum):
        _remove_others(cls, attributes)
    with _freely_set(type(cls)):
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
