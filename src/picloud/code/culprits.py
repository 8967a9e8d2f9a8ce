"""Where in a value the thing is that cannot travel: `f.__closure__[0].client._lock`.

Only asked when pickling has failed, so it may take its time: it pickles parts, and looks into the
first one that fails, until no part of it does.
"""

import contextlib
import functools
import itertools
import types
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from picloud.code.by_name import HEAP_TYPE, is_importable
from picloud.code.files import OPEN_THERE
from picloud.code.imports import global_names

_MAX_DEPTH = 50
_MAX_TRIED = 5_000
_SHOWN = 3
_NESTED = 3
"""So many of a kind in each other are the reason why something is too deep."""

Part = tuple[str, Any]
"""How a part is reached from the whole, and the part."""


def find(name: str, value: Any, travels: Callable[[Any], bool]) -> tuple[str, Any]:
    """The innermost part that cannot travel, with the way to it, which begins with `name`."""
    failing = {id(value): value}
    place, culprit = _innermost(name, value, travels, failing)
    return _shortest_way(name, value, culprit, failing) or place, culprit


def too_deep(name: str, value: Any, is_shallow: Callable[[Any], bool]) -> tuple[str, Any] | None:
    """Where what is nested too deeply begins: the outermost of the kind that is in each other."""
    chain = [(name, value)]
    while len(chain) < _MAX_DEPTH:
        place, whole = chain[-1]
        for step, part in itertools.islice(parts(whole), _MAX_TRIED):
            if not is_shallow(part):
                chain.append((_joined(place, step), part))
                break
        else:
            break
    if _is_call(value):
        chain = chain[1:]
    alike = [found for found in chain if type(found[1]) is type(chain[-1][1])]
    return alike[0] if len(alike) >= _NESTED else None


def largest(value: Any, size_of: Callable[[Any], int]) -> str:
    """The largest parts of what is too large, to go behind a text; empty if it has no parts."""
    sized: list[tuple[int, str]] = []
    for step, part in itertools.islice(parts(value), _MAX_TRIED):
        with contextlib.suppress(Exception):  # classes of users run here
            sized.append((size_of(part) >> 20, step.strip()))
    shown = [
        f"{step} with {size} MB" for size, step in sorted(sized, reverse=True)[:_SHOWN] if size
    ]
    return f"; its largest parts are {', '.join(shown)}" if shown else ""


class _Whole:
    """Something that cannot travel, while its parts are tried."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value
        self.rest = parts(value)
        self.has_remedy = has_remedy(value)
        self.is_innermost = True


def _innermost(
    name: str, value: Any, travels: Callable[[Any], bool], failing: dict[int, Any]
) -> tuple[str, Any]:
    """The innermost part; all that fails on the way to it is added to `failing`, by id.

    What is in a circle fails as a whole because of any of its members: so each is tried once, and
    where all that fails has been tried the search goes back.
    """
    stack = [_Whole(name, value)]
    passing: dict[int, Any] = {}
    tried = 0
    first_circle: _Whole | None = None
    while stack:
        whole = stack[-1]
        for step, part in whole.rest:
            if part is whole.value or id(part) in passing:
                continue
            if id(part) in failing:
                whole.is_innermost = False
                continue
            tried += 1
            if tried > _MAX_TRIED or len(stack) > _MAX_DEPTH or whole.has_remedy:
                return whole.name, whole.value
            if travels(part):
                passing[id(part)] = part
            else:
                whole.is_innermost = False
                failing[id(part)] = part
                stack.append(_Whole(_joined(whole.name, step), part))
                break
        else:
            if whole.is_innermost:
                return whole.name, whole.value
            first_circle = first_circle or whole
            stack.pop()
    assert first_circle is not None
    return first_circle.name, first_circle.value


def _shortest_way(name: str, value: Any, culprit: Any, failing: Mapping[int, Any]) -> str | None:
    """Among what is known to fail; None if parts are made anew whenever they are looked at."""
    ways = {id(value): name}
    wholes = deque([value])
    while wholes:
        whole = wholes.popleft()
        if whole is culprit:
            return ways[id(whole)]
        for step, part in parts(whole):
            if id(part) in failing and id(part) not in ways:
                ways[id(part)] = _joined(ways[id(whole)], step)
                wholes.append(part)
    return None


def _joined(name: str, step: str) -> str:
    return step if step.startswith(("args[", "kwargs[")) else name + step


def parts(value: Any) -> Iterator[Part]:
    """What a value directly holds, with the way to each, as far as its class lets us look."""
    with contextlib.suppress(Exception):  # classes of users run here
        yield from _parts(value)


def _parts(value: Any) -> Iterator[Part]:
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
    elif isinstance(value, type):
        yield from _parts_of_class(value)
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


def _parts_of_class(cls: type[Any]) -> Iterator[Part]:
    for key, item in list(vars(cls).items()):
        if isinstance(item, classmethod | staticmethod):
            yield f".{key}", item.__func__
        elif isinstance(item, property):
            yield f".{key}.fget", item.fget
            yield f".{key}.fset", item.fset
            yield f".{key}.fdel", item.fdel
        elif not isinstance(item, types.GetSetDescriptorType | types.MemberDescriptorType):
            yield f".{key}", item
    for number, base in enumerate(cls.__bases__):
        yield f".__bases__[{number}]", base


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
    if isinstance(value, defaultdict):
        yield ".default_factory", value.default_factory
    if getattr(getattr(value, "dtype", None), "hasobject", False) and value.ndim:  # an array
        yield from ((f".flat[{number}]", item) for number, item in enumerate(value.flat))
    kind = type(value)
    if kind.__flags__ & HEAP_TYPE and not is_importable(kind, kind.__module__, kind.__qualname__):
        yield ".__class__", kind


def _shown(key: Any) -> str:
    try:
        return f"{key!r:.60}"
    except Exception:  # noqa: BLE001 - classes of users run here
        return f"<{type(key).__name__}>"


def kind_of(value: Any) -> str:
    """The name of its type."""
    return _name_of(type(value))


def _name_of(kind: type[Any]) -> str:
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


_REMEDIES: dict[str, str] = {
    "_thread.lock": "make it inside the job, or leave it out in __getstate__",
    "_thread.RLock": "make it inside the job, or leave it out in __getstate__",
    "_thread._local": "make it inside the job",
    "threading.Thread": "start it inside the job",
    "picloud.connected.Connected": "inside a job the module picloud itself is connected: use that",
    "functools._lru_cache_wrapper": "define it in a module, or cache inside the job",
    "generator": "pass a list of its items, or the function that makes it",
    "coroutine": "pass the coroutine function and its arguments",
    "async_generator": "pass the function that makes it and its arguments",
    "socket.socket": "connect inside the job",
    "ctypes.CDLL": "load it inside the job",
    "memoryview": "pass tobytes() of it, or what it is a view of",
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
    "gzip.GzipFile": OPEN_THERE,
    "bz2.BZ2File": OPEN_THERE,
    "lzma.LZMAFile": OPEN_THERE,
    "zipfile.ZipFile": OPEN_THERE,
    "zipfile.ZipExtFile": OPEN_THERE,
    "tarfile.TarFile": OPEN_THERE,
    "tarfile.ExFileObject": OPEN_THERE,
    "codecs.StreamReaderWriter": "open it inside the job, or pass what it holds",
    "tempfile._TemporaryFileWrapper": OPEN_THERE,
    "tempfile.SpooledTemporaryFile": "pass what it holds",
}
"""What to do; whatever is in things of these kinds, they themselves are in the way.

Things of classes derived from these are such things, too.
"""


def has_remedy(value: Any) -> bool:
    """True if it is known what to do about objects of its type, whatever is in them."""
    return _remedy(value) is not None


def remedy_for(value: Any) -> str:
    """What to do about an object."""
    general = "make it inside the job, or say how it is pickled (__reduce__ or __getstate__)"
    return _remedy(value) or general


def _remedy(value: Any) -> str | None:
    names = map(_name_of, type(value).__mro__)
    return next((_REMEDIES[name] for name in names if name in _REMEDIES), None)
