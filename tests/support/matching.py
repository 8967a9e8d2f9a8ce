"""Comparing with values of which only some fields matter."""

from dataclasses import fields
from typing import Any


class Like:
    """Equal to every value of a class whose named fields are equal."""

    __hash__ = None  # type: ignore[assignment]  # compared by value, never a key

    def __init__(self, cls: type, wanted: dict[str, Any]) -> None:
        unknown = set(wanted) - {field.name for field in fields(cls)}
        if unknown:
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        self._cls = cls
        self._wanted = wanted

    def __eq__(self, other: object) -> bool:
        return type(other) is self._cls and all(
            getattr(other, name) == value for name, value in self._wanted.items()
        )

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._wanted.items())
        return f"{self._cls.__name__}({inside}{', ' if inside else ''}…)"


def like(cls: type, **wanted: Any) -> Any:
    """Stands for any `cls` with these fields: `assert events == [like(LinkClosed, text="x")]`."""
    return Like(cls, wanted)
