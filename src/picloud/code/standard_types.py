"""Types of the standard library that pickle cannot do, or does not do as users expect."""

import functools
import re
import sys
from collections.abc import Callable
from typing import Any

Reduced = str | tuple[Any, ...]


def _reduce_cached_property(item: Any) -> Reduced:
    return _cached_property, (item.func, item.attrname, item.__doc__)


def _cached_property(function: Any, name: str | None, doc: str | None) -> Any:
    made = functools.cached_property(function)
    made.attrname, made.__doc__ = name, doc
    return made


def _reduce_dispatch_method(item: Any) -> Reduced:
    return _dispatch_method, (item.func, item.dispatcher)


def _dispatch_method(function: Any, dispatcher: Any) -> Any:
    made = functools.singledispatchmethod(function)
    made.dispatcher = dispatcher
    return made


def _reduce_scanner(item: Any) -> Reduced:
    return re.Scanner, (item.lexicon, item.scanner.flags)  # type: ignore[attr-defined]


_NATIVE = "@=<" if sys.byteorder == "little" else "@=>"
"""What stands before the format of items that lie as this machine has them."""


def _reduce_view(view: memoryview) -> Reduced:
    shape = view.shape or ()
    format = view.format if view.format[0] not in _NATIVE else view.format[1:]
    # Some cannot be made again: that is to be known here.
    _view(
        bytes(view.itemsize if view.nbytes else 0),
        format,
        (1,) * view.ndim if all(shape) else shape,
    )
    content = view.tobytes()
    return _view, (content if view.readonly else bytearray(content), format, shape)


def _view(content: bytes | bytearray, format: str, shape: tuple[int, ...]) -> memoryview:
    view: Any = memoryview(content)
    if format == "B" and len(shape) == 1:
        return view  # type: ignore[no-any-return]
    return view.cast(format) if len(shape) == 1 else view.cast(format, shape)  # type: ignore[no-any-return]


def _refuse_library(_library: Any) -> Reduced:
    raise TypeError("it is loaded in this process only")


def add_libraries(reducers: dict[type[Any], Callable[[Any], Reduced]]) -> None:
    """Have libraries of `ctypes` refused, if the program has loaded it: they cannot be read."""
    ctypes: Any = sys.modules.get("ctypes")
    library = getattr(ctypes, "PyDLL", None)  # None amid its import as well
    if library is not None and library not in reducers:
        reducers[library] = reducers[ctypes.CDLL] = _refuse_library


REDUCERS: dict[type[Any], Callable[[Any], Reduced]] = {
    memoryview: _reduce_view,
    functools.cached_property: _reduce_cached_property,
    functools.singledispatchmethod: _reduce_dispatch_method,
    re.Scanner: _reduce_scanner,  # type: ignore[attr-defined]  # not documented
}
