"""Where in a value the thing is that cannot travel: `f.__closure__[0].client._lock`.

Only asked when pickling has failed, so it may take its time: it pickles parts, and looks into the
first one that fails, until no part of it does.
"""

import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from picloud.code.imports import global_names

_MAX_DEPTH = 50
_MAX_TRIED = 5_000

Part = tuple[str, Any]
"""How a part is reached from the whole, and the part."""


def find(name: str, value: Any, travels: Callable[[Any], bool]) -> tuple[str, Any]:
    """The innermost part that cannot travel, with the way to it, which begins with `name`."""
    tried = 0
    for _ in range(_MAX_DEPTH):
        for step, part in parts(value):
            tried += 1
            if tried > _MAX_TRIED:
                return name, value
            if part is not value and not travels(part):
                name, value = _joined(name, step), part
                break
        else:
            break
    return name, value


def _joined(name: str, step: str) -> str:
    return step if step.startswith(("args[", "kwargs[")) else name + step


def parts(value: Any) -> Iterator[Part]:
    """What a value directly holds, with the way to each."""
    if _is_call(value):
        args, kwargs = value
        yield from ((f"args[{number}]", item) for number, item in enumerate(args))
        yield from ((f"kwargs[{key!r}]", item) for key, item in kwargs.items())
    elif isinstance(value, types.FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    elif isinstance(value, functools.partial):
        yield ".func", value.func
        yield from ((f".args[{number}]", item) for number, item in enumerate(value.args))
        yield from ((f".keywords[{key!r}]", item) for key, item in value.keywords.items())
    elif isinstance(value, Mapping):
        yield from ((f"[{_shown(key)}]", item) for key, item in list(value.items()))
        yield from ((f" (its key {_shown(key)})", key) for key in list(value))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        yield from ((f"[{number}]", item) for number, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f" (its member {_shown(item)})", item) for item in list(value))
    if not isinstance(value, type | types.FunctionType | types.ModuleType):
        yield from _parts_of_object(value)


def _is_call(value: Any) -> bool:
    """True for what every job gets: positional arguments, and those by name."""
    return (
        type(value) is tuple
        and len(value) == 2
        and type(value[0]) is tuple
        and type(value[1]) is dict
        and all(type(key) is str for key in value[1])
    )


def _parts_of_function(function: types.FunctionType) -> Iterator[Part]:
    for number, cell in enumerate(function.__closure__ or ()):
        try:
            yield f".__closure__[{number}]", cell.cell_contents
        except ValueError:  # not filled yet
            continue
    for number, item in enumerate(function.__defaults__ or ()):
        yield f".__defaults__[{number}]", item
    for key, item in (function.__kwdefaults__ or {}).items():
        yield f".__kwdefaults__[{key!r}]", item
    for key, item in function.__dict__.items():
        yield f".{key}", item
    for key in sorted(global_names(function.__code__)):
        if key in function.__globals__:
            yield f".__globals__[{key!r}]", function.__globals__[key]


def _parts_of_object(value: Any) -> Iterator[Part]:
    try:
        attributes = dict(vars(value))
    except TypeError:
        attributes = {}
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for key in (slots,) if isinstance(slots, str) else tuple(slots):
            if hasattr(value, key):
                attributes.setdefault(key, getattr(value, key))
    yield from ((f".{key}", item) for key, item in attributes.items())


def _shown(key: Any) -> str:
    try:
        return f"{key!r:.60}"
    except Exception:  # noqa: BLE001 - classes of users run here
        return f"<{type(key).__name__}>"


_REMEDIES: dict[str, str] = {
    "_thread.lock": "make it inside the job, or leave it out in __getstate__",
    "_thread.RLock": "make it inside the job, or leave it out in __getstate__",
    "_thread._local": "make it inside the job",
    "generator": "pass a list of its items, or the function that makes it",
    "coroutine": "pass the coroutine function and its arguments",
    "async_generator": "pass the function that makes it and its arguments",
    "socket.socket": "connect inside the job",
    "ssl.SSLContext": "make it inside the job",
    "sqlite3.Connection": "connect inside the job, and pass the path",
    "sqlite3.Cursor": "pass the rows",
    "select.epoll": "make it inside the job",
    "select.poll": "make it inside the job",
    "mmap.mmap": "pass the bytes that are needed, or the path",
    "frame": "pass what is needed of it",
    "traceback": "pass the text: traceback.format_exc()",
    "_asyncio.Task": "await it first, and pass its result",
    "_asyncio.Future": "await it first, and pass its result",
    "asyncio.locks.Lock": "make it inside the job",
    "_queue.SimpleQueue": "pass a list of what is in it",
    "subprocess.Popen": "start the program inside the job",
    "_io.StringIO": "pass its text: getvalue()",
    "weakref.ReferenceType": "pass what it refers to",
    "dict_keys": "pass a list of them",
    "dict_values": "pass a list of them",
    "dict_items": "pass a list of them",
    "tkinter.Tk": "make it inside the job",
}


def remedy_for(kind: str) -> str:
    """What to do about an object of this type."""
    return _REMEDIES.get(
        kind, "make it inside the job, or say how it is pickled (__reduce__ or __getstate__)"
    )
