"""Python values to bytes and back: the one place that pickles and unpickles values.

Objects whose class is defined in `__main__`, or inside a function, travel by value; all else
travels by reference to its module. `__mp_main__`, the name by which children of multiprocessing
know the program's script, counts as `__main__`. Plain values take a short cut: setting up a
cloudpickle pickler costs ten times as much as pickling a small number.

A value may hold handles of jobs. Their classes say so by an attribute `__picloud_handles__`, a
method that gives what their cloud is known by, or None, and the ranges of ids; `dumps` notes both
where it is given `Notes`. What holds pickles of its own adds the modules that these
need. What is large in a value travels apart (`code.spilled`).
"""

import copyreg
import functools
import io
import os
import pickle
import sys
import types
from collections import ChainMap
from itertools import filterfalse
from typing import Any, ClassVar

import cloudpickle

from picloud.code import classes, culprits, files, imports, rebuilt, sources, standard_types
from picloud.code.by_name import MAIN_MODULES, held, is_everywhere, is_importable
from picloud.code.exceptions.state import reduce_exception
from picloud.code.handle_pickling import PROTOCOL as PROTOCOL
from picloud.code.handle_pickling import dumps_handles
from picloud.code.handles import merged
from picloud.code.interruptions import is_from_signal_handler
from picloud.code.notes import HANDLES, LOADERS, note_handles
from picloud.code.notes import Notes as Notes
from picloud.code.plain import begins_large, is_plain
from picloud.code.spilled import Head, Keep, Open, Parts, Place, TooLarge, is_large, load
from picloud.code.spilled import NoRoom as NoRoom
from picloud.code.wrappers import held_as_wrapper
from picloud.protocol import limits
from picloud.protocol.payloads import is_spilled

_FEW_HANDLES = 64
"""Longer lists are worth putting into order: neighbours are one range then."""


class Unpicklable(TypeError):  # noqa: N818 - named for the value, as its kin in picloud.errors are
    """A value that cannot travel; the text names the type that is in the way."""


class Oversize(ValueError):  # noqa: N818
    """A value whose pickle is over the limit of one payload."""


def dumps(value: Any, notes: Notes | None = None) -> bytes:
    """Make the payload of a value.

    Args:
        value: what to pickle.
        notes: takes what is met on the way.

    Raises:
        Unpicklable: the value, or something inside it, cannot be pickled.
        Oversize: the pickle is larger than one payload may be, or there are too many handles.
        NoRoom: there is none for its large parts.
    """
    plain = dumps_plain(value)
    if plain is not None:
        return plain
    keep = notes.keep if notes is not None else None
    data = _dumps_any(value, notes, keep)
    if len(data) >= limits.SPILL_FROM:
        data = _without_large(value, data, keep)
    if notes is not None and len(notes.handles) > _FEW_HANDLES:
        _put_in_order(notes.handles)
    return data


def dumps_plain(value: Any) -> bytes | None:
    """The payload of a plain and small value, as most are: they have nothing to note; else None."""
    if not is_plain(value):
        return None
    data = pickle.dumps(value, PROTOCOL)
    return data if len(data) < limits.SPILL_FROM else None


def _without_large(value: Any, data: bytes, keep: Keep | None) -> bytes:
    """The payload of a pickle that is large by itself, or large already for all its blobs."""
    if keep is not None and not is_spilled(data):
        data = Parts(keep).payload(data)
    if len(data) > limits.MAX_PAYLOAD:
        raise Oversize(
            f"a value of type {culprits.kind_of(value)} takes {len(data) >> 20} MB pickled, "
            f"the limit is {limits.MAX_PAYLOAD >> 20} MB{culprits.largest(value, _size)}"
        )
    return data


def _size(value: Any) -> int:
    """Bytes of the pickle of a part, which are not kept."""
    counter = _Counter()
    ValuePickler(counter, PROTOCOL).dump(value)
    return counter.size


class _Counter:
    size = 0

    def write(self, data: Any) -> None:
        self.size += memoryview(data).nbytes


def no_blob(_key: bytes) -> None:
    """Where there are no blobs, none can be opened."""
    return


def loads(payload: bytes, open_blob: Open = no_blob) -> Any:
    """Load a value. It may run anything, and raise anything: never call it on a master.

    Args:
        payload: what `dumps` made of it.
        open_blob: gives the blobs that it names.
    """
    return load(payload, open_blob) if payload[:1] == b"\0" else pickle.loads(payload)


loads_whole = pickle.loads
"""The same for payloads that are known to name no blobs, of which there may be many."""


def _put_in_order(flat: list[int]) -> None:
    pairs = iter(flat)
    try:
        flat[:] = merged(zip(pairs, pairs, strict=True))
    except ValueError as error:
        raise Oversize(f"a value with {error}") from error


def _dumps_any(value: Any, notes: Notes | None, keep: Keep | None) -> bytes:
    try:
        if notes is not None and (data := dumps_handles(value, notes)):
            return data
        _register_loaded(ValuePickler.dispatch_table.maps[0])
        if keep is None:
            return _pickled(value, notes)
        parts = Parts(keep)
        if not begins_large(value):
            try:
                return parts.payload(_pickled(value, notes, parts))
            except TooLarge:
                parts.begin_anew()
        return parts.payload(_pickled_without_large(value, notes, parts))
    except (MemoryError, Unpicklable, NoRoom):
        raise
    except Exception as error:  # classes of users run here and raise what they like
        if is_from_signal_handler(error):
            raise
        raise Unpicklable(_why(value, error)) from error


def _pickled(value: Any, notes: Notes | None, parts: Parts | None = None) -> bytes:
    """Pickle a value, with the memory of large arrays left out if there is a place for them.

    Raises:
        TooLarge: there are large bytes, too.
    """
    file = io.BytesIO() if parts is None else Head()
    pickler = ValuePickler(file, PROTOCOL, parts.take_buffer if parts is not None else None)
    pickler.notes = notes
    pickler.dump(value)
    return file.getvalue()


def _pickled_without_large(value: Any, notes: Notes | None, parts: Parts) -> bytes:
    """The same with bytes and texts left out: to look at each object takes time, so few are."""
    file = io.BytesIO()
    pickler = _SpillingPickler(file, PROTOCOL, parts.take_buffer)
    pickler.notes = notes
    pickler.parts = parts
    pickler.dump(value)
    return file.getvalue()


def _register_loaded(reducers: Any) -> None:
    """Tell cloudpickle of the program's other name, and of what is pickled once it is loaded."""
    if isinstance(main := sys.modules.get("__mp_main__"), types.ModuleType):
        cloudpickle.register_pickle_by_value(main)  # costs as little as a look if it is known
    files.add_temporary(reducers)
    standard_types.add_libraries(reducers)


def _why(value: Any, error: Exception) -> str:
    """Say where the thing is that cannot travel, what it is, and what to do about it."""
    root = _name_of(value)
    deep = culprits.too_deep(root, value, _is_shallow) if _is_too_deep(error) else None
    place, item = deep or culprits.find(root, value, _travels)
    is_function = issubclass(type(value), types.FunctionType)
    where = f"{place}: " if place != root or is_function else ""
    if deep:
        return f"{where}what this {culprits.kind_of(item)} holds is nested too deeply: flatten it"
    if isinstance(error, files.UnshippableFile | _Stays):
        return f"{where}{error}"
    stuck = item if culprits.has_remedy(item) else _last_reduced(item)
    what = f"an object of type {culprits.kind_of(stuck)}"
    if issubclass(type(item), io.IOBase):
        what = f"{files.label(item)}, {what},"
    return f"{where}{what} cannot be pickled: {_shown(error)}; {culprits.remedy_for(stuck)}"


def _name_of(value: Any) -> str:
    try:
        return getattr(value, "__name__", None) or "it"
    except Exception:  # noqa: BLE001 - classes of users run here
        return "it"


def _shown(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - classes of users run here
        return type(error).__name__


def _travels(value: Any) -> bool:
    try:
        ValuePickler(io.BytesIO(), PROTOCOL).dump(value)
    except Exception:  # noqa: BLE001 - classes of users run here
        return False
    return True


def _is_shallow(value: Any) -> bool:
    try:
        ValuePickler(io.BytesIO(), PROTOCOL).dump(value)
    except Exception as error:  # noqa: BLE001 - classes of users run here
        return not _is_too_deep(error)
    return True


def _is_too_deep(error: Exception) -> bool:
    return isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError)


def _last_reduced(value: Any) -> Any:
    """Pickle once more to see at which object it stops."""
    tracer = _Tracer(io.BytesIO(), PROTOCOL)
    try:
        tracer.dump(value)
    except Exception:  # noqa: BLE001 - the first attempt's error is the one that is reported
        return tracer.last
    return value


def _reduce_environment(environment: Any) -> Any:
    """The variables of a process stay there: what names them sees those where it runs."""
    for name in ("environ", "environb"):
        if environment is getattr(os, name, None):
            return getattr, (os, name)
    return environment.__reduce_ex__(PROTOCOL)


class _Stays(TypeError):  # noqa: N818
    """What others could only find by a name that they do not have; the text says what to do."""


def _reduce_cached(cached: Any) -> Any:
    """Pickle a `functools.cache` object, which Python can do by its name only."""
    module = getattr(cached, "__module__", None) or "?"
    name = getattr(cached, "__qualname__", None) or "?"
    if is_importable(cached, module, name):
        return cached.__reduce__()
    by_name = held(cached)
    if by_name is not None:
        return by_name
    raise _Stays(
        f"{module}.{name} is a functools.cache object that no other process can import, and "
        f"functools.cache objects of the main program cannot travel: define {name} in a module, "
        "or cache inside the job"
    )


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle's; functions keep their source lines, caches that cannot travel are named."""

    notes: Notes | None = None

    dispatch_table: ClassVar[Any] = ChainMap(
        {
            types.CodeType: sources.reduce_code,
            **dict.fromkeys(files.TYPES, files.reduce_file),
            functools._lru_cache_wrapper: _reduce_cached,
            type(os.environ): _reduce_environment,
            **(rebuilt.REDUCERS | standard_types.REDUCERS),
        },
        cloudpickle.Pickler.dispatch_table,
    )

    def reducer_override(self, obj: Any) -> Any:
        """Note handles and modules; an exception's constructor is not run; all else as it is."""
        if isinstance(obj, types.FunctionType):
            if obj.__module__ in LOADERS:
                return NotImplemented  # found by name, which needs no look
            by_parts = held(obj) or held_as_wrapper(obj) or rebuilt.reduce_dispatch(obj)
            if by_parts is not None:
                return by_parts
            imports.tell_globals(obj.__code__)
        if self.notes is not None:
            if isinstance(obj, _NAMED):
                _note_roots(obj, self.notes.roots)
            elif _reduces_itself(type(obj)) and type(obj).__module__ not in self.notes.roots:
                _note_roots(type(obj), self.notes.roots)  # it may go by a name of this module
            handles_of = getattr(type(obj), HANDLES, None)
            if handles_of is not None:
                note_handles(self.notes, *handles_of(obj))
        if isinstance(obj, BaseException):
            return reduce_exception(obj)
        if by_parts := rebuilt.reduce_nameless(obj):
            return by_parts
        if type(obj).__module__ in MAIN_MODULES and self._asks(type(obj)):
            return _own_parts(obj)
        reduced = super().reducer_override(obj)
        if isinstance(obj, type) and type(reduced) is tuple and len(reduced) == _BY_VALUE:
            return classes.reduce_class(obj, reduced)
        return reduced

    def _asks(self, kind: type[Any]) -> bool:
        """True if the pickler would ask an object of this class itself for its parts."""
        return (
            _reduces_itself(kind)
            and not issubclass(kind, type)
            and kind not in copyreg.dispatch_table
            and kind not in self.dispatch_table
        )


class _SpillingPickler(ValuePickler):
    """Takes large bytes and texts out of the pickle."""

    parts: Parts

    def persistent_id(self, obj: Any) -> Place | None:
        """What stands for them; see `spilled.load`."""
        return self.parts.take(obj) if is_large(obj) else None


_BY_VALUE = 6
"""Parts of what cloudpickle makes of a class that is found by no name."""

_REDUCE: Any = object.__reduce__
_REDUCE_EX: Any = object.__reduce_ex__


def _own_parts(item: Any) -> Any:
    """What it says of itself, unless that is a name in the main program."""
    parts = item.__reduce_ex__(PROTOCOL)
    if isinstance(parts, str):
        raise _Stays(f"{parts} is known by its name in the main program: define it in a module")
    return parts


def _reduces_itself(kind: Any) -> bool:
    return kind.__reduce__ is not _REDUCE or kind.__reduce_ex__ is not _REDUCE_EX


_NAMED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    functools._lru_cache_wrapper,
)


def _note_roots(item: Any, roots: set[str]) -> None:
    """What has to be imported for a thing that goes by its name, or for code that goes itself."""
    is_module = isinstance(item, types.ModuleType)
    name = item.__name__ if is_module else getattr(item, "__module__", None)
    module = name if isinstance(name, str) else ""
    if _needs_nothing(module):
        return
    if is_module or is_importable(item, module, item.__qualname__):
        roots.add(module)
    elif isinstance(item, types.FunctionType):
        package = item.__globals__.get("__package__") or ""
        for each in imports.read_code(item.__code__):
            roots.update(filterfalse(_needs_nothing, imports.names_of(each, package)))


def _needs_nothing(module: str) -> bool:
    """True for what is there, unless it says that files are looked for."""
    return is_everywhere(module) and not imports.reads_data(module)


class _Tracer(ValuePickler):
    last: Any = None

    def reducer_override(self, obj: Any) -> Any:
        self.last = obj
        return super().reducer_override(obj)
