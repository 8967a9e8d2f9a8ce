"""Enums: members go by their names, and some enums of the main program are made from their members.

cloudpickle makes an enum again from the values alone: what `__new__` and `__init__` have given to
the members, aliases, and a metaclass of the main program are lost on the way. Where a module has
these, its code makes the members in jobs as it does anywhere. What the members have comes along.
"""

import copyreg
import enum
from collections.abc import Iterator, Mapping
from typing import Any

from cloudpickle import cloudpickle

from picloud.code.by_name import HEAP_TYPE, is_importable
from picloud.code.skeletons import next_method, unheard

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


def reduce_member(item: Any) -> tuple[Any, ...] | None:
    """How to get a member from its enum; None for all else.

    By its value it may not be found: a copy of many a value is not equal to it.
    """
    cls = type(item)
    if not isinstance(cls, enum.EnumMeta):
        return None
    if getattr(cls.__reduce_ex__, "__module__", None) != enum.__name__:
        return None  # it has a way of its own
    name = item._name_
    if cls._member_map_.get(name) is not item or not hasattr(item, "_sort_order_"):
        return None  # made of parts, or by `_missing_`, which makes it elsewhere as well
    return _member, (cls, name)


def _member(cls: type[enum.Enum], name: str) -> enum.Enum:
    try:
        return cls._member_map_[name]
    except KeyError:
        text = f"module {cls.__module__!r} has no attribute '{cls.__qualname__}.{name}'"
        raise AttributeError(text) from None


def is_made_here(cls: type[enum.Enum]) -> bool:
    """Whether it is made from its members, not from their values by the code of a module."""
    makers = (each for each in _makers(cls) if each is not None)
    return _can_be_made(cls) and not any(
        is_importable(each, each.__module__, each.__qualname__) for each in makers
    )


def _makers(cls: type[enum.Enum]) -> Iterator[type[Any] | None]:
    """What has its say in how members are made, beside Python itself."""
    above = [each for each in cls.__mro__ if not _is_pythons(each)]
    yield next((each for each in above if "__init__" in vars(each)), None)
    yield next((each for each in above if _new_of(each) in vars(each)), None)
    yield next((each for each in type.mro(type(cls)) if not _is_pythons(each)), None)


def _new_of(cls: type[Any]) -> str:
    return "__new_member__" if issubclass(cls, enum.Enum) else "__new__"


def _is_pythons(cls: type[Any]) -> bool:
    return cls.__module__ == enum.__name__ or not cls.__flags__ & HEAP_TYPE


def _can_be_made(cls: type[enum.Enum]) -> bool:
    """Whether it is known how to make members of the type that is mixed in, if there is one."""
    built_in = [each for each in _mixed_in(cls).__mro__ if not each.__flags__ & HEAP_TYPE]
    return all(each is object or _tells_arguments(each) for each in built_in)


def _tells_arguments(cls: type[Any]) -> bool:
    return "__getnewargs__" in vars(cls) or _is_of_dates(cls)


def _is_of_dates(cls: type[Any]) -> bool:
    """True for types whose `__reduce_ex__` tells the arguments."""
    return cls.__module__ == "datetime" and "__reduce__" in vars(cls)


def _data_of(member: Any, mixed_in: type[Any]) -> Any:
    maker = _maker(mixed_in)
    if _is_of_dates(maker):
        return maker.__reduce_ex__(member, 4)[1]
    return vars(maker).get("__getnewargs__", lambda member: ())(member)


def arguments_for(cls: type[enum.Enum], upstream: tuple[Any, ...]) -> tuple[Any, ...]:
    """What `make_enum` needs, from what cloudpickle's maker does."""
    bases, name, qualname, _values, module, number, extra = upstream
    kind = _mixed_in(cls)
    members = {each: (_data_of(one, kind), one._value_) for each, one in cls.__members__.items()}
    return type(cls), bases, name, qualname, members, module, number, extra


def state_of(cls: type[enum.Enum], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What it is filled with, and its members."""
    aliases = cls.__members__.keys() if is_made_here(cls) else ()
    state = {name: item for name, item in attributes.items() if name not in aliases}
    extras = {name: _beside_its_own(cls._member_map_[name]) for name in cls._member_names_}
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
        for each, item in extras.items():
            object.__setattr__(cls._member_map_[name], each, item)
    return attributes


def _beside_its_own(member: enum.Enum) -> dict[str, Any]:
    slots: list[str] = copyreg._slotnames(type(member))  # type: ignore[attr-defined]
    parts = {name: getattr(member, name) for name in slots if hasattr(member, name)}
    parts.update(getattr(member, "__dict__", {}))
    return {name: item for name, item in parts.items() if name not in _OWN}


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
    """The built-in class that makes objects of a type, from the arguments that it tells."""
    return next(filter(_tells_arguments, mixed_in.__mro__), object)
