"""Which part of a call asks for a module: `f.__globals__['g']`.

Only asked when a module cannot travel, so it may take its time.
"""

from collections.abc import Callable
from typing import Any

from picloud.code import culprits, values
from picloud.code.imports import bare
from picloud.code.unshippable import Unshippable


def described(
    error: Unshippable, function: Callable[..., Any], call: tuple[tuple[Any, ...], dict[str, Any]]
) -> str:
    """The error's text, with the way from the call to the module if there is one to be seen."""
    name = getattr(function, "__name__", None) or type(function).__name__
    if not error.root:
        return str(error)
    if _asks_for(error.root, function):
        is_its_own = getattr(function, "__module__", None) == error.root
        return f"{name if is_its_own else _way(error.root, name, function)}: {error}"
    return f"{_way(error.root, name, call)}: {error}" if _asks_for(error.root, call) else str(error)


def _way(module: str, name: str, whole: Any) -> str:
    place, _ = culprits.find(name, whole, lambda part: not _asks_for(module, part))
    return place


def _asks_for(module: str, part: Any) -> bool:
    notes = values.Notes()
    try:
        values.dumps(part, notes)
    except Exception:  # noqa: BLE001 - classes of users run here; it was pickled before
        return False
    names = (bare(each) for each in notes.roots)
    return any(each == module or each.startswith(f"{module}.") for each in names)
