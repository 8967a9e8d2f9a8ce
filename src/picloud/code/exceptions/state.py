"""The state of an exception, seen and set without its constructor.

Python makes a pickled exception anew by its class and its `args`, which fails for every class
whose constructor takes something else: keywords, or two arguments of which it makes one text.
Here the instance is made without running `__init__`, and its state is set afterwards.
"""

import builtins
import copyreg
import types
from collections.abc import Iterator
from typing import Any

_C_ATTRIBUTES = (types.MemberDescriptorType, types.GetSetDescriptorType)
_MISSING = object()
_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")


def arguments_of(error: BaseException) -> tuple[Any, ...]:
    """What `new_exception` needs besides the class."""
    if isinstance(error, BaseExceptionGroup):
        return error.message, list(error.exceptions)
    return error.args


def attributes_of(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Attributes of the instance, of `__slots__`, and of built-in classes, such as `errno`."""
    for cls in type(error).__mro__:
        if cls in (BaseException, BaseExceptionGroup, object):
            continue
        for name, descriptor in vars(cls).items():
            if isinstance(descriptor, _C_ATTRIBUTES) and not name.startswith("__"):
                item = getattr(error, name, _MISSING)
                if item is not _MISSING and not is_empty_field(cls, item):
                    yield name, item
    for name, item in list(error.__dict__.items()):
        if name != "__notes__":
            yield name, item


def is_empty_field(cls: type[Any], item: Any) -> bool:
    """True for what may be unset: the fields of built-in classes read as None then."""
    return item is None and is_builtin(cls)


def notes_of(error: BaseException | None) -> list[str]:
    """Its notes, as far as they are texts."""
    try:
        notes = getattr(error, "__notes__", None)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return []
    if not isinstance(notes, list | tuple):
        return []
    return [note for note in notes if isinstance(note, str)]


def new_exception(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException | None:
    """Make an instance without its `__init__`, which may want other arguments or do anything."""
    for new in (cls.__new__, builtin_base(cls).__new__):
        try:
            error = new(cls, *args)
        except Exception:  # noqa: BLE001 - a `__new__` of the user wants other arguments
            continue
        if isinstance(error, cls):
            if not isinstance(error, BaseExceptionGroup):
                set_attribute(error, "args", args)
            return error
    return None


def builtin_base(cls: type[BaseException]) -> type[BaseException]:
    """The built-in class whose `__new__` makes instances of this one.

    That is the one which they are laid out like, not the first in the `__mro__`: Python calls
    `MemoryError.__new__` unsafe for a class that has MemoryError as its second base.
    """
    base: type[Any] = cls
    while base.__base__ and not is_builtin(base):
        base = base.__base__
    return base


def is_builtin(cls: type[Any]) -> bool:
    """True for the exception classes that every Python has."""
    return getattr(builtins, cls.__name__, None) is cls


def set_attribute(error: BaseException, name: str, item: Any) -> None:
    """Set an attribute, of a class that allows no change (a frozen dataclass) as well."""
    try:
        object.__setattr__(error, name, item)
    except Exception:  # noqa: BLE001 - a property of the user may raise anything
        return  # read-only where it comes from; `__new__` has set it from the arguments


def set_links(
    error: BaseException,
    cause: BaseException | None,
    context: BaseException | None,
    *,
    suppress_context: bool,
) -> None:
    """Set what the exception came from."""
    set_attribute(error, "__cause__", cause)
    set_attribute(error, "__context__", context)
    set_attribute(error, "__suppress_context__", suppress_context)  # a cause has set it to True


def is_closed(cls: type[BaseException]) -> bool:
    """True if its state is out of sight, in C, and the class itself says how it is pickled."""
    reduce = cls.__reduce__
    return isinstance(reduce, types.MethodDescriptorType) and not is_builtin(reduce.__objclass__)


# ------------------------------------------------------------------ exceptions as values


def reduce_exception(error: BaseException) -> Any:
    """Pickle an exception that is a value, or part of one: as Python does, but for `__init__`.

    What Python leaves out stays out: the traceback, the cause and the context. Built-in classes,
    and classes that say how they are pickled, are left to Python.
    """
    cls = type(error)
    if is_builtin(cls) or cls in copyreg.dispatch_table or _has_hooks(cls):
        return NotImplemented
    state = dict(attributes_of(error))
    if "__notes__" in error.__dict__:
        state["__notes__"] = error.__dict__["__notes__"]
    return _made_anew, (cls, arguments_of(error)), state or None, None, None, _set_state


def _has_hooks(cls: type[BaseException]) -> bool:
    own = (base for base in cls.__mro__ if base is not object and not is_builtin(base))
    return any(hook in vars(base) for base in own for hook in _HOOKS)


def _made_anew(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    error = new_exception(cls, args)
    if error is None:
        raise TypeError(f"no {cls.__qualname__} can be made from {args!r:.200}")
    return error


def _set_state(error: BaseException, state: dict[str, Any]) -> None:
    for name, item in state.items():
        set_attribute(error, name, item)
