"""Python values to bytes and back: the one place that pickles and unpickles values.

Objects whose class is defined in `__main__`, or inside a function, travel by value; all else
travels by reference to its module. `__mp_main__`, the name by which children of multiprocessing
know the program's script, counts as `__main__`. Plain values take a short cut: setting up a
cloudpickle pickler costs ten times as much as pickling a small number.

A value may hold handles of jobs. Their classes say so by an attribute `__picloud_handles__`, a
method that gives what their cloud is known by, or None, and the ranges of ids; `dumps` notes both
where it is given something for that.
"""

import functools
import io
import pickle
import sys
import types
from collections import ChainMap
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, ClassVar

import cloudpickle

from picloud.code import culprits, files, imports, sources
from picloud.code.handles import merged
from picloud.code.interruptions import is_from_signal_handler
from picloud.protocol import limits

PROTOCOL = 5

MAIN_MODULES = frozenset({"__main__", "__mp_main__"})
"""The names of the main program, which no other process can import."""

_ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
HANDLES = "__picloud_handles__"

_FEW_HANDLES = 64
"""Longer lists are worth putting into order: neighbours are one range then."""

_FEW = 64  # checking a longer tuple would cost more than the pickler that it saves


class Unpicklable(TypeError):  # noqa: N818 - named for the value, as its kin in picloud.errors are
    """A value that cannot travel; the text names the type that is in the way."""


class Oversize(ValueError):  # noqa: N818
    """A value whose pickle is over the limit of one payload."""


def dumps(
    value: Any,
    handles: list[int] | None = None,
    roots: set[str] | None = None,
    origins: dict[str, int] | None = None,
) -> bytes:
    """Pickle a value.

    Args:
        value: what to pickle.
        handles: an empty list, which takes `first, stop` of each range of jobs whose handles are
            met on the way.
        roots: takes the names of the modules that whoever loads the value, or runs a function that
            travels in it, will import.
        origins: takes what the clouds of these jobs are known by, each with one of its jobs.

    Raises:
        Unpicklable: the value, or something inside it, cannot be pickled.
        Oversize: the pickle is larger than one payload may be, or there are too many handles.
    """
    if _is_plain(value):
        data = pickle.dumps(value, PROTOCOL)
    else:
        data = _dumps_any(value, handles, roots, origins)
    if len(data) > limits.MAX_PAYLOAD:
        raise Oversize(
            f"a value of type {_name(value)} takes {len(data) >> 20} MB pickled, "
            f"the limit is {limits.MAX_PAYLOAD >> 20} MB"
        )
    if handles is not None and len(handles) > _FEW_HANDLES:
        _put_in_order(handles)
    return data


loads = pickle.loads
"""Unpickle a value. It may run anything, and raise anything: never call it on a master."""


def _put_in_order(flat: list[int]) -> None:
    pairs = iter(flat)
    try:
        flat[:] = merged(zip(pairs, pairs, strict=True))
    except ValueError as error:
        raise Oversize(f"a value with {error}") from error


def _is_plain(value: Any) -> bool:
    """True for exact built-in atoms, for small tuples of them, and for calls `(args, kwargs)`."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is not tuple or len(value) > _FEW:
        return False
    if _ATOMS.issuperset(map(type, value)):
        return True
    return len(value) == 2 and _are_plain_arguments(*value)


def _are_plain_arguments(args: Any, kwargs: Any) -> bool:
    return (
        type(args) is tuple
        and type(kwargs) is dict
        and len(args) + len(kwargs) <= _FEW
        and _ATOMS.issuperset(map(type, args))
        and _ATOMS.issuperset(map(type, kwargs))
        and _ATOMS.issuperset(map(type, kwargs.values()))
    )


def _dumps_any(
    value: Any,
    handles: list[int] | None,
    roots: set[str] | None,
    origins: dict[str, int] | None,
) -> bytes:
    _register_main()
    buffer = io.BytesIO()
    pickler = ValuePickler(buffer, PROTOCOL)
    pickler.handles = handles
    pickler.roots = roots
    pickler.origins = origins
    try:
        pickler.dump(value)
    except (MemoryError, Unpicklable):
        raise
    except Exception as error:  # classes of users run here and raise what they like
        if is_from_signal_handler(error):
            raise
        raise Unpicklable(_why(value, error)) from error
    return buffer.getvalue()


def _register_main() -> None:
    """Tell cloudpickle, which knows of `__main__` only, of the program's other name."""
    main = sys.modules.get("__mp_main__")
    if isinstance(main, types.ModuleType):
        cloudpickle.register_pickle_by_value(main)  # costs as little as a look if it is known


def _why(value: Any, error: Exception) -> str:
    """Say where the thing is that cannot travel, what it is, and what to do about it."""
    root = getattr(value, "__name__", None) or "it"
    place, item = culprits.find(root, value, _travels)
    where = f"{place}: " if place != root or isinstance(value, types.FunctionType) else ""
    if isinstance(error, files.UnshippableFile):
        return f"{where}{error}"
    kind = _name(_last_reduced(item))
    text = f"{type(error).__name__}: {error}"
    remedy = culprits.remedy_for(kind)
    return f"{where}an object of type {kind} cannot be pickled: {text}; {remedy}"


def _travels(value: Any) -> bool:
    try:
        ValuePickler(io.BytesIO(), PROTOCOL).dump(value)
    except Exception:  # noqa: BLE001 - classes of users run here
        return False
    return True


def _last_reduced(value: Any) -> Any:
    """Pickle once more to see at which object it stops."""
    tracer = _Tracer(io.BytesIO(), PROTOCOL)
    try:
        tracer.dump(value)
    except Exception:  # noqa: BLE001 - the first attempt's error is the one that is reported
        return tracer.last
    return value


def by_value_modules() -> set[str]:
    """The modules that the user wants to travel with what is defined in them."""
    registered: set[str] = cloudpickle.list_registry_pickle_by_value()
    return registered


def _reduce_cached(cached: Any) -> Any:
    """Pickle a `functools.cache` object, which Python can do by its name only."""
    module = getattr(cached, "__module__", None) or "?"
    name = getattr(cached, "__qualname__", None) or "?"
    if _is_importable(cached, module, name):
        return cached.__reduce__()
    raise Unpicklable(
        f"{module}.{name} is a functools.cache object that no other process can import, and "
        f"functools.cache objects of the main program cannot travel: define {name} in a module, "
        "or cache inside the job"
    )


def _is_importable(item: Any, module: str, name: str) -> bool:
    parents = accumulate(module.split("."), "{}.{}".format)
    if module in MAIN_MODULES or not by_value_modules().isdisjoint(parents):
        return False
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is item


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle's; functions keep their source lines, caches that cannot travel are named."""

    handles: list[int] | None = None
    roots: set[str] | None = None
    origins: dict[str, int] | None = None

    dispatch_table: ClassVar[Any] = ChainMap(
        {
            types.CodeType: sources.reduce_code,
            **dict.fromkeys(files.TYPES, files.reduce_file),
            functools._lru_cache_wrapper: _reduce_cached,
        },
        cloudpickle.Pickler.dispatch_table,
    )

    def reducer_override(self, obj: Any) -> Any:
        """Note the handles of jobs, and modules; all else is cloudpickle's to decide."""
        if self.roots is not None and isinstance(obj, _NAMED):
            _note_roots(obj, self.roots)
        if self.handles is not None:
            handles_of = getattr(type(obj), HANDLES, None)
            if handles_of is not None:
                self._note_handles(*handles_of(obj))
        return super().reducer_override(obj)

    def _note_handles(self, origin: str | None, ranges: Iterable[tuple[int, int]]) -> None:
        assert self.handles is not None  # looked at by who calls this
        before = len(self.handles)
        for each in ranges:
            self.handles += each
        if origin is not None and self.origins is not None and len(self.handles) > before:
            self.origins[origin] = self.handles[before]


_NAMED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    functools._lru_cache_wrapper,
)


_EVERYWHERE = frozenset({"builtins", "cloudpickle", "copyreg", "picloud"})
"""What nearly every pickle names, and every worker has."""


def _note_roots(item: Any, roots: set[str]) -> None:
    """What has to be imported for a thing that goes by its name, or for code that goes itself."""
    if isinstance(item, types.ModuleType):
        roots.add(item.__name__)
        return
    module = getattr(item, "__module__", None)
    if isinstance(module, str) and _is_importable(item, module, item.__qualname__):
        if module.partition(".")[0] not in _EVERYWHERE:
            roots.add(module)
    elif isinstance(item, types.FunctionType):
        package = item.__globals__.get("__package__") or ""
        for each in imports.read_code(item.__code__):
            roots.update(imports.names_of(each, package))


class _Tracer(ValuePickler):
    last: Any = None

    def reducer_override(self, obj: Any) -> Any:
        self.last = obj
        return super().reducer_override(obj)


def _name(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
