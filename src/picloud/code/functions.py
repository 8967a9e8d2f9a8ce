"""Functions to bytes, with a cache that cannot be stale.

A plain function is pickled once, as long as all that its pickle depends on is seen to be the
same: its code, defaults, attributes, closure and the globals that it names, and the same of the
functions among these. That can be seen only of objects that never change, so a function which
reaches a list, or a class of the main program, is pickled at every call. Looking costs about
40 ns per name, pickling 50 µs or more.
"""

import functools
import hashlib
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from picloud.code import signatures, values
from picloud.code.by_name import MAIN_MODULES, by_value_modules
from picloud.code.imports import global_names
from picloud.code.spilled import Keep
from picloud.protocol.payloads import is_spilled
from picloud.statemachine import value

CACHED_FUNCTIONS = 1024
CACHED_BYTES = 1 << 20
"""A larger pickle is not kept."""

MAX_NAME = 500
"""Characters of a name for people."""


@value
class PackedFunction:
    """A function ready to travel.

    Attributes:
        digest: of the code, 16 bytes: equal digests, equal functions.
        code: the pickled function.
        name: `module.name at file:line`, for people.
        check: raises TypeError if called with arguments that the function would refuse.
        handles: of the jobs that the pickle names, as in `values.Notes`; None if it names none.
        roots: the modules that it imports, as in `values.Notes`.
        origins: of the jobs in `handles`, as in `values.Notes`.
    """

    digest: bytes
    code: bytes
    name: str
    check: signatures.Check
    handles: list[int] | None = None
    roots: frozenset[str] = frozenset()
    origins: Mapping[str, int] | None = None


def pack(function: Any, keep: Keep | None = None) -> PackedFunction:
    """Pickle a callable, or take its pickle from the cache.

    Args:
        function: the callable.
        keep: makes blobs of what is large in it; see `values.Notes`.

    Raises:
        TypeError: it is not callable.
        values.Unpicklable: it cannot be pickled, or something that it reaches.
        values.Oversize: its pickle is too large.
        values.NoRoom: there is none for what is large in it.
    """
    packed = kept(function)
    if packed is not None:
        return packed
    if not callable(function):
        raise TypeError(f"the function to run must be callable, not {type(function).__name__}")
    if type(function) is not types.FunctionType:
        return _pack(function, keep)
    # Looked at before it is pickled: a change in between makes the entry stale, not wrong.
    seen = _look(function)
    packed = _pack(function, keep)
    # Blobs are kept for one submission only.
    if seen is not None and len(packed.code) <= CACHED_BYTES and not is_spilled(packed.code):
        _keep(function, packed, seen)
    return packed


def kept(function: Any) -> PackedFunction | None:
    """The pickle of a callable from the cache; None if it must be pickled."""
    entry = _cache.get(id(function))
    return entry.packed if entry is not None and entry.is_fresh(function) else None


def name_of(function: Callable[..., Any]) -> str:
    """Name a callable and its place, as PiCloud did: `module.name at file:line`."""
    return _full_name(function)[:MAX_NAME]


def _full_name(function: Callable[..., Any]) -> str:
    if isinstance(function, functools.partial):
        return f"partial_of_{_full_name(function.func)}"
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    module = getattr(function, "__module__", None) or type(function).__module__
    code = getattr(inspect.unwrap(function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return f"{module}.{name}"
    return f"{module}.{name} at {code.co_filename}:{code.co_firstlineno}"


def run_chunk(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
    """Run several calls as one job: what an executor's `map` sends when it has a chunk size."""
    return [function(*args) for args in calls]


def _pack(function: Callable[..., Any], keep: Keep | None) -> PackedFunction:
    notes = values.Notes(keep)
    code = values.dumps(function, notes)
    return PackedFunction(
        digest=hashlib.blake2b(code, digest_size=16).digest(),
        code=code,
        name=name_of(function),
        check=signatures.check_of(function),
        handles=notes.handles or None,
        roots=frozenset(notes.roots),
        origins=notes.origins or None,
    )


# ---------------------------------------------------------------------- the cache

_MISSING = object()

Look = tuple[Mapping[str, Any], str, object]
"""A namespace, a name, and what it stood for when the function was pickled."""

CellLook = tuple[types.CellType, object]
Shape = tuple[types.CodeType, object, object, int, int]
"""Of a function: its code, its defaults, its keyword defaults, and how many names are in its
attributes and in its keyword defaults."""


def _shape(function: types.FunctionType) -> Shape:
    keywords = function.__kwdefaults__
    return (
        function.__code__,
        function.__defaults__,
        keywords,
        len(function.__dict__),
        len(keywords or ()),
    )


def _has_shape(function: types.FunctionType, shape: Shape) -> bool:
    code, defaults, keywords, attributes, defaulted = shape
    return (
        function.__code__ is code
        and function.__defaults__ is defaults
        and function.__kwdefaults__ is keywords
        and len(function.__dict__) == attributes
        and (not defaulted or len(function.__kwdefaults__ or ()) == defaulted)
    )


@value
class _Seen:
    """What a function's pickle depends on, as it was."""

    shape: Shape
    looks: list[Look]
    cells: list[CellLook]
    others: list[tuple[types.FunctionType, Shape]]
    modules: int  # how many were loaded, if a package is among the globals

    def is_still_so(self, function: types.FunctionType) -> bool:
        if not _has_shape(function, self.shape):
            return False
        for namespace, name, seen in self.looks:
            if namespace.get(name, _MISSING) is not seen:
                return False
        if self.modules and len(sys.modules) != self.modules:
            return False
        return not (self.cells or self.others) or self._are_others_still_so()

    def _are_others_still_so(self) -> bool:
        for cell, seen in self.cells:
            try:
                if cell.cell_contents is not seen:
                    return False
            except ValueError:  # emptied
                return False
        return all(_has_shape(function, shape) for function, shape in self.others)


@value
class _Entry:
    reference: weakref.ref[Any]
    packed: PackedFunction
    seen: _Seen

    def is_fresh(self, function: types.FunctionType) -> bool:
        return self.reference() is function and self.seen.is_still_so(function)


_cache: dict[int, _Entry] = {}


def _keep(function: types.FunctionType, packed: PackedFunction, seen: _Seen) -> None:
    key = id(function)

    def gone(reference: weakref.ref[Any]) -> None:
        known = _cache.get(key)
        if known is not None and known.reference is reference:
            del _cache[key]

    while len(_cache) >= CACHED_FUNCTIONS:
        _cache.pop(next(iter(_cache)), None)
    _cache[key] = _Entry(weakref.ref(function, gone), packed, seen)


# ---------------------------------------------------------------------- what a pickle depends on


class _Changeable(Exception):  # noqa: N818 - no error: it ends a search
    """The function reaches something that may change unseen."""


def _look(function: types.FunctionType) -> _Seen | None:
    """See all that the function's pickle depends on; None if that can change unseen."""
    search = _Search()
    try:
        search.add_function(function)
    except _Changeable:
        return None
    (_, shape), *others = search.functions.values()
    modules = len(sys.modules) if search.reaches_package else 0
    return _Seen(shape, search.looks, search.cells, others, modules)


class _Search:
    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.cells: list[CellLook] = []
        self.functions: dict[int, tuple[types.FunctionType, Shape]] = {}
        self.reaches_package = False

    def add_function(self, function: types.FunctionType) -> None:
        if id(function) in self.functions:
            return
        self.functions[id(function)] = function, _shape(function)
        self.add(function.__defaults__)
        if function.__kwdefaults__:
            self.add_names(function.__kwdefaults__, list(function.__kwdefaults__))
        self.add_names(function.__dict__, list(function.__dict__))
        for annotation in function.__annotations__.values():
            self.add(annotation)
        self.add_names(function.__globals__, sorted(global_names(function.__code__)))
        for cell in function.__closure__ or ():
            try:
                contents = cell.cell_contents
            except ValueError as error:
                raise _Changeable from error  # not filled yet
            self.cells.append((cell, contents))
            self.add(contents)

    def add_names(self, namespace: Mapping[str, Any], names: Iterable[str]) -> None:
        for name in names:
            seen = namespace.get(name, _MISSING)
            self.looks.append((namespace, name, seen))
            if seen is not _MISSING:
                self.add(seen)

    def add(self, item: object) -> None:
        kind = type(item)
        if kind in _ATOMS:
            return
        if kind is tuple or kind is frozenset:
            for each in item:  # type: ignore[attr-defined]  # one of these two
                self.add(each)
        elif kind is types.FunctionType:
            self.add_function(item)  # type: ignore[arg-type]
        elif kind is types.ModuleType:
            # Of a package the pickle names the submodules that are loaded and used.
            self.reaches_package |= hasattr(item, "__path__")
        elif kind in _GENERICS:
            self.add(item.__args__)  # type: ignore[attr-defined]
            self.add(getattr(item, "__origin__", None))
        elif not _is_found_by_name(item):
            raise _Changeable


_ATOMS = frozenset(
    {int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented)}
)
_GENERICS = frozenset({types.GenericAlias, types.UnionType})


def _is_found_by_name(item: Any) -> bool:
    """Classes and built-ins that are pickled as a name, whatever is done to them."""
    if not issubclass(type(item), type | types.BuiltinFunctionType):  # a look that runs no code
        return False
    name, module = item.__module__, sys.modules.get(item.__module__ or "")
    if name in MAIN_MODULES or module is None or "." in item.__qualname__:
        return False
    if name in by_value_modules():
        return False
    return getattr(module, item.__qualname__, None) is item
