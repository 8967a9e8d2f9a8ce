"""Arguments of a call in words, for people."""

import io
import pickle
import reprlib
from typing import Any

MAX_ARGUMENTS = 1000
"""Characters."""

_MAX_ITEMS = 500
"""Objects that are looked at: what holds itself in many places has very many items."""

_MAX_BITS = 512
"""Of whole numbers that are written out."""


def shown_plain(payload: bytes) -> str | None:
    """The words for a payload of arguments; None if they are not all of Python's own plain types.

    Nothing is imported and no code of others runs.
    """
    arguments = plain_arguments(payload)
    return None if arguments is None else shown(*arguments)


def plain_arguments(payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """What `shown_plain` has words for."""
    try:
        args, kwargs = _PlainUnpickler(io.BytesIO(payload)).load()
    except Exception:  # noqa: BLE001 - what is no pickle of arguments may raise anything
        return None
    return (args, kwargs) if type(args) is tuple and type(kwargs) is dict else None


_PLAIN = {
    "builtins": {"complex", "range", "slice"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
}
"""Classes of Python's own whose objects are small and do nothing when they are made."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _PLAIN.get(module.removesuffix("._local"), ()):
            raise pickle.UnpicklingError(f"{module}.{name} is not plain")
        return super().find_class(module, name)


class _Shortened(reprlib.Repr):
    """Looks at the beginning of what is large only."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 120
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = 12
        self.items = 0

    def repr1(self, item: Any, level: int) -> str:
        """The words for one object, if not too many have been looked at."""
        self.items += 1
        return super().repr1(item, level) if self.items <= _MAX_ITEMS else "..."

    def repr_int(self, item: int, level: int) -> str:
        """Python refuses to write out very long ones."""
        bits = item.bit_length()
        return super().repr_int(item, level) if bits <= _MAX_BITS else f"<int of {bits} bits>"

    def repr_bytes(self, data: bytes | bytearray, level: int) -> str:
        """Their beginning and end, as of a text: written out, they take four times their memory."""
        return self.repr_str(data, level)  # type: ignore[arg-type]  # it takes slices of it

    repr_bytearray = repr_bytes


class TookTooLong(BaseException):
    """Raised by a signal handler amid `shown`: nobody wants the words any more."""


def shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as they might be written, shortened."""
    shorten = _Shortened()
    parts: list[str] = []
    length = 0
    for name, item in [*(("", each) for each in args), *kwargs.items()]:
        try:
            text = shorten.repr(item)
        except TookTooLong:
            raise
        except BaseException as error:  # noqa: BLE001 - classes of users run here
            text = f"[its repr raised {type(error).__name__}]"
        parts.append(f"{name}={text}" if name else text)
        length += len(parts[-1]) + 2
        if length > MAX_ARGUMENTS + 2:
            return f"{', '.join(parts)[: MAX_ARGUMENTS - 4]} ..."
    return ", ".join(parts)
