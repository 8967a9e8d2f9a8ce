"""Empty classes, to be filled with what has arrived of them, made without being defined once more.

Base classes (`__init_subclass__`) and metaclasses hear of what is defined. Those that have come by
value bring along what they did then. Others are in modules, which a job imports anew: they do it
there as well.
"""

import sys
import threading
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cloudpickle import cloudpickle

_HOOK = "__init_subclass__"
_making = threading.RLock()


def make_class(
    metaclass: Any, name: str, bases: Any, namespace: dict[str, Any], number: str, extra: Any
) -> type[Any]:
    """Make an empty class that cloudpickle knows by a number."""
    made: type[Any]
    resolved = types.resolve_bases(bases)
    with unheard([each for base in resolved for each in base.__mro__]):
        if not has_come(metaclass):
            made = cloudpickle._make_skeleton_class(
                metaclass, name, bases, namespace, number, extra
            )
            return made
        namespace = {sys.intern(each): item for each, item in namespace.items()}
        if resolved is not bases:
            namespace["__orig_bases__"] = bases
        given = name, resolved, namespace
        made = next_method(metaclass, "__new__")(metaclass, *given)
        next_method(metaclass, "__init__")(made, *given)
    return cloudpickle._lookup_class_or_track(number, made)  # type: ignore[no-any-return]


def next_method(cls: type[Any], name: str) -> Any:
    """The method of the first class above that has not come by value: it lacks what that did."""
    owner = next(each for each in cls.__mro__ if name in vars(each) and not has_come(each))
    return getattr(owner, name)


@contextmanager
def unheard(above: Iterable[type[Any]]) -> Iterator[None]:
    """Keep the classes above that have come by value from hearing of what this thread makes."""
    with _making:
        hooks = {
            each: vars(each)[_HOOK] for each in above if has_come(each) and _HOOK in vars(each)
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
        owner = next(each for each in behind if _HOOK in vars(each) and not has_come(each))
        vars(owner)[_HOOK].__get__(None, made)(*args, **kwargs)

    return classmethod(heard)


@contextmanager
def freely_set(metaclass: type) -> Iterator[None]:
    """Have a metaclass that has come by value let every attribute be set."""
    with _making:
        own = [each for each in metaclass.__mro__ if has_come(each) and "__setattr__" in vars(each)]
        guards = [vars(each)["__setattr__"] for each in own]
        for each in own:
            type.__setattr__(each, "__setattr__", type.__setattr__)
        try:
            yield
        finally:
            for each, guard in zip(own, guards, strict=True):
                type.__setattr__(each, "__setattr__", guard)


def has_come(cls: type[Any]) -> bool:
    """Whether it travels by value: it has arrived so, or left."""
    return cls in cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS
