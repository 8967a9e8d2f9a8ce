"""Arguments of a call in words, for people."""

import io
import pickle
import reprlib
from typing import Any

MAX_ARGUMENTS = 1000
"""Characters."""


def shown_plain(payload: bytes) -> str | None:
    """The same of a payload of arguments; None if they are not all of Python's own plain types.

    Nothing is imported and no code of others runs.
    """
    try:
        args, kwargs = _PlainUnpickler(io.BytesIO(payload)).load()
    except Exception:  # noqa: BLE001 - what is no pickle of arguments may raise anything
        return None
    return shown(args, kwargs) if type(args) is tuple and type(kwargs) is dict else None


_PLAIN = {
    "builtins": {"bytearray", "complex", "frozenset", "range", "set", "slice"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
}
"""Classes of Python's own whose objects do nothing when they are made."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _PLAIN.get(module.removesuffix("._local"), ()):
            raise pickle.UnpicklingError(f"{module}.{name} is not plain")
        return super().find_class(module, name)


class _Shortened(reprlib.Repr):
    """Does not write large bytes out to cut most of it off: that takes four times their memory."""

    def repr_bytes(self, data: bytes | bytearray, level: int) -> str:
        """Their beginning and end, as of a text."""
        return self.repr_str(data, level)  # type: ignore[arg-type]  # it takes slices of it

    repr_bytearray = repr_bytes


def shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as they might be written, shortened."""
    shorten = _Shortened()
    shorten.maxstring = shorten.maxother = shorten.maxlong = 120
    shorten.maxlist = shorten.maxtuple = shorten.maxset = shorten.maxdict = 12
    try:
        parts = [shorten.repr(each) for each in args]
        parts += [f"{name}={shorten.repr(each)}" for name, each in kwargs.items()]
        text = ", ".join(parts)
    except BaseException as error:  # noqa: BLE001 - classes of users run here
        return f"[their repr raised {type(error).__name__}]"
    return text if len(text) <= MAX_ARGUMENTS else f"{text[: MAX_ARGUMENTS - 4]} ..."
