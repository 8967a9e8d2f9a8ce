"""Enums of the main program, made from their members as these are.

cloudpickle makes them again from the values alone: what `__new__` and `__init__` have given to the
members, aliases, and a metaclass of the user's are lost on the way.
"""

import enum
from collections.abc import Mapping
from typing import Any

from cloudpickle import cloudpickle

from picloud.code.skeletons import next_method, unheard

_HEAP_TYPE = 1 << 9
"""Flag of classes that a class statement has made."""

_OWN = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_", "_inverted_"})
"""What every member gets where it is made."""

_EXTRAS = "__picloud_members__"
"""In the state of an enum: what its members have beside that, by name."""


class _Member:
    """What a member is made of: its value, and what its mixed-in type is made from."""

    __slots__ = ("data", "value")

    def __init__(self, data: tuple[Any, ...], value: Any) -> None:
        self.data = data
        self.value = value


def can_be_made(cls: type[enum.Enum]) -> bool:
    """Whether it is known how to make members of the type that is mixed in, if there is one."""
    built_in = [each for each in _mixed_in(cls).__mro__ if not each.__flags__ & _HEAP_TYPE]
    return all(each is object or "__getnewargs__" in vars(each) for each in built_in)


def arguments_for(cls: type[enum.Enum], upstream: tuple[Any, ...]) -> tuple[Any, ...]:
    """What `make_enum` needs, from what cloudpickle's maker does."""
    bases, name, qualname, _values, module, number, extra = upstream
    data_of = vars(_maker(_mixed_in(cls))).get("__getnewargs__", lambda member: ())
    members = {each: (data_of(one), one.value) for each, one in cls.__members__.items()}
    return type(cls), bases, name, qualname, members, module, number, extra


def state_of(cls: type[enum.Enum], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What it is filled with, with what its members are."""
    state = {name: item for name, item in attributes.items() if name not in cls.__members__}
    extras = {
        member.name: {name: item for name, item in vars(member).items() if name not in _OWN}
        for member in cls.__members__.values()
        if hasattr(member, "__dict__")
    }
    return {**state, _EXTRAS: extras} if any(extras.values()) else state


def make_enum(
    metaclass: Any,
    bases: Any,
    name: str,
    qualname: str,
    members: dict[str, tuple[tuple[Any, ...], Any]],
    module: str,
    number: str,
    _extra: Any,
) -> type[enum.Enum]:
    """Make an enum with its members that cloudpickle knows by a number."""
    made: type[enum.Enum]
    with unheard([each for base in bases for each in base.__mro__]):
        namespace = next_method(metaclass, "__prepare__")(name, bases)
        namespace["__new__"], namespace["__init__"] = _new, _init
        for each, parts in members.items():
            namespace[each] = _Member(*parts)
        made = next_method(metaclass, "__new__")(metaclass, name, bases, namespace)
        next_method(metaclass, "__init__")(made, name, bases, namespace)
    for ours in ("__init__", "__new_member__"):
        type.__delattr__(made, ours)  # its own ones come with its state
    made.__module__, made.__qualname__ = module, qualname
    return cloudpickle._lookup_class_or_track(number, made)  # type: ignore[no-any-return]


def fill_members(cls: type[enum.Enum], attributes: dict[str, Any]) -> dict[str, Any]:
    """Give its members what they are to have; return what is left for the enum itself."""
    attributes = dict(attributes)
    for name, extras in attributes.pop(_EXTRAS, {}).items():
        vars(cls.__members__[name]).update(extras)
    return attributes


def _new(cls: type[enum.Enum], given: Any) -> Any:
    member = given[0] if type(given) is tuple else given  # of tuples it is the only item
    made = _maker(_mixed_in(cls)).__new__(cls, *member.data)
    made._value_ = member.value
    return made


def _init(self: enum.Enum, given: object) -> None:
    pass


def _mixed_in(cls: type[enum.Enum]) -> type[Any]:
    return cls._member_type_  # type: ignore[attr-defined, no-any-return]


def _maker(mixed_in: type[Any]) -> Any:
    """The built-in class that makes objects of a type, from what its `__getnewargs__` gives."""
    return next((each for each in mixed_in.__mro__ if "__getnewargs__" in vars(each)), object)
