"""Messages to bytes and back: tagged msgpack arrays.

A frame is an array of messages, a message an array of its tag and its fields in order, without
those at its end that have their defaults. Bytes from a peer are hostile until checked: every field
is held against the annotation of its class, every size against `limits`. What does not fit raises
`RemoteProtocolError`, never anything else.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from math import isfinite
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgpack

from picloud.protocol import limits
from picloud.protocol.errors import RemoteProtocolError

Check = Callable[[Any], Any]  # Any: what msgpack made of a stranger's bytes
"""Returns the checked value, or raises `Malformed`."""

Plain = Callable[[Any], Any]  # Any: a field's value
"""Returns the same without classes of ours."""


class Malformed(ValueError):  # noqa: N818 - a judgement on bytes
    """A value that does not fit its field."""


class Codec:
    """Encodes and decodes the messages of one registry of tags."""

    def __init__(self, registry: Mapping[int, type]) -> None:
        self._classes = dict(registry)
        self._tags = {cls: tag for tag, cls in registry.items()}
        if len(self._tags) != len(self._classes):
            raise ValueError("a message class has two tags")
        self._rows: dict[type, tuple[int, Plain, list[Any]]] = {}
        self._checks: dict[int, tuple[type, int, list[Check]]] = {}
        self._packer = _new_packer()

    def encode(self, messages: Iterable[object]) -> bytes:
        """Make one frame of messages, in order."""
        return self._pack([self._row(message) for message in messages])

    def encode_frames(self, messages: Sequence[object]) -> list[bytes]:
        """Make frames of messages, in order: another one when the first has grown large."""
        if len(messages) == 1:
            return [self.encode(messages)]
        frames: list[bytes] = []
        rows: list[bytes] = []
        size = 0
        for message in messages:
            row = self._pack(self._row(message))
            if rows and size + len(row) > limits.FRAME_TARGET:
                frames.append(_joined(rows))
                rows, size = [], 0
            rows.append(row)
            size += len(row)
        if rows:
            frames.append(_joined(rows))
        return frames

    def decode(self, frame: bytes | memoryview) -> list[Any]:
        """Read the messages of one frame.

        Raises:
            RemoteProtocolError: the bytes are no frame, or a field does not fit.
        """
        if len(frame) > limits.MAX_FRAME:
            raise RemoteProtocolError(f"a frame of {len(frame)} bytes is over the limit")
        try:
            rows = msgpack.unpackb(
                frame,
                strict_map_key=True,
                max_array_len=limits.MAX_ITEMS,
                max_map_len=limits.MAX_ITEMS,
                max_ext_len=0,
                unicode_errors="surrogatepass",
            )
        except (ValueError, msgpack.UnpackException, RecursionError) as error:
            raise RemoteProtocolError(f"not a frame: {type(error).__name__}: {error}") from error
        if type(rows) is not list:
            raise RemoteProtocolError("a frame holds a list of messages")
        return [self._message(row) for row in rows]

    def _message(self, row: Any) -> Any:
        if type(row) is not list or not row or type(row[0]) is not int:
            raise RemoteProtocolError("a message is a list that begins with its tag")
        known = self._checks.get(row[0]) or self._compile(row[0])
        cls, required, checks = known
        values = row[1:]
        if not required <= len(values) <= len(checks):
            raise RemoteProtocolError(f"{cls.__name__} has {len(checks)} fields, not {len(values)}")
        try:
            # Those that are missing have defaults, or were appended since an older peer's version.
            return cls(*[check(item) for check, item in zip(checks, values, strict=False)])
        except Malformed as error:
            raise RemoteProtocolError(f"{cls.__name__}: {error}") from error

    def _row(self, message: object) -> list[Any]:
        cls = type(message)
        known = self._rows.get(cls)
        if known is None:
            tag = self._tags[cls]
            known = self._rows[cls] = (tag, _fields_reader(cls), _last_defaults(cls))
        tag, read, last_defaults = known
        row = [tag, *read(message)]
        for default in last_defaults:
            if row[-1] != default:
                break
            row.pop()
        return row

    def _pack(self, plain: list[Any]) -> bytes:
        # Only what msgpack packs by itself: a callback would let another thread in meanwhile.
        packed: bytes = self._packer.pack(plain)
        if len(packed) > limits.FRAME_TARGET:
            self._packer = _new_packer()  # its buffer never shrinks
        return packed

    def _compile(self, tag: int) -> tuple[type, int, list[Check]]:
        cls = self._classes.get(tag)
        if cls is None:
            raise RemoteProtocolError(f"no message has the tag {tag}")
        self._checks[tag] = known = (cls, *_class_checks(cls))
        return known


# ------------------------------------------------------------------ to bytes


def _new_packer() -> Any:
    # Text may hold what was no text: names of files, or the environment. It comes back as it was.
    return msgpack.Packer(unicode_errors="surrogatepass")


def _joined(rows: list[bytes]) -> bytes:
    header: bytes = _new_packer().pack_array_header(len(rows))
    return b"".join([header, *rows])


def _fields_reader(cls: type) -> Plain:
    """Reads a value's fields, in order, as what msgpack packs by itself."""
    names = [field.name for field in fields(cls)]
    if not names:
        return lambda _message: ()
    several = attrgetter(*names)
    getter: Plain = several if len(names) > 1 else lambda message: (several(message),)
    hints = get_type_hints(cls)
    plains = [_plain_for(hints[name]) for name in names]
    if not any(plains):
        return getter
    return lambda message: [
        plain(item) if plain else item for plain, item in zip(plains, getter(message), strict=True)
    ]


def _last_defaults(cls: type) -> list[Any]:
    """The defaults of the fields that may be left out, the last one first."""
    defaults = [field.default for field in fields(cls) if field.default is not MISSING]
    return defaults[::-1]


def _plain_for(hint: Any) -> Plain | None:
    """How items of this annotation become plain: values arrays, enums their values."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _SIMPLE:
        return None
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _plain_of_union(members)
    if origin is list:
        one = _plain_for(*members)
        return (lambda items: list(map(one, items))) if one else None
    if origin is dict and _plain_for(members[1]) is None:
        return None
    if issubclass(hint, enum.Enum):
        return attrgetter("value")
    return _fields_reader(hint)


def _plain_of_union(hints: tuple[Any, ...]) -> Plain | None:
    found = {get_origin(hint) or hint: _plain_for(hint) for hint in hints}
    plains = {cls: plain for cls, plain in found.items() if plain}
    if not plains:
        return None

    def plain(item: Any) -> Any:
        known = plains.get(type(item))
        return known(item) if known else item

    return plain


# ------------------------------------------------------------------ from bytes


def _class_checks(cls: type) -> tuple[int, list[Check]]:
    hints = get_type_hints(cls)
    members = fields(cls)
    required = sum(field.default is MISSING for field in members)
    return required, [_check_for(hints[field.name]) for field in members]


def _check_for(hint: Any) -> Check:
    """Compile the check of one annotation; the vocabulary is what messages use."""
    hint = getattr(hint, "__supertype__", hint)
    simple = _SIMPLE.get(hint)
    if simple is not None:
        return simple
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _union_check(get_args(hint))
    if origin is list:
        return _list_check(*get_args(hint))
    if origin is dict:
        return _dict_check(*get_args(hint))
    if issubclass(hint, enum.Enum):
        return _enum_check(hint)
    return _value_check(hint)


def _shown(item: Any) -> str:
    """A stranger's item for a message to people: short, and never followed into its depths."""
    if isinstance(item, str | bytes):
        return f"{item[:40]!r:.80}"
    if item is None or isinstance(item, bool | int | float):
        return repr(item)
    return f"a {type(item).__name__}"


def _int(item: Any) -> Any:
    if type(item) is not int or not 0 <= item <= limits.MAX_INT:
        raise Malformed(f"{_shown(item)} is not a whole number in range")
    return item


def _float(item: Any) -> Any:
    if type(item) is not float or not abs(item) < float("inf"):
        raise Malformed(f"{_shown(item)} is not a finite number")
    return item


def _bool(item: Any) -> Any:
    if type(item) is not bool:
        raise Malformed(f"{_shown(item)} is not true or false")
    return item


def _none(item: Any) -> Any:
    if item is not None:
        raise Malformed(f"{_shown(item)} is not nothing")
    return item


def _text(item: Any) -> Any:
    if type(item) is not str or len(item) > limits.MAX_TEXT:
        raise Malformed("not a text within the limit")
    return item


def _bytes(item: Any) -> Any:
    if type(item) is not bytes or len(item) > limits.MAX_PAYLOAD:
        raise Malformed("not bytes within the limit")
    return item


_SIMPLE: dict[Any, Check] = {
    int: _int,
    float: _float,
    bool: _bool,
    NoneType: _none,
    str: _text,
    bytes: _bytes,
}


def _ints_fit(items: list[int]) -> bool:
    return min(items) >= 0 and max(items) <= limits.MAX_INT


def _bytes_fit(items: list[bytes]) -> bool:
    return max(map(len, items)) <= limits.MAX_PAYLOAD


def _optional_bytes_fit(items: list[bytes | None]) -> bool:
    return max(map(len, filter(None, items)), default=0) <= limits.MAX_PAYLOAD


def _floats_fit(items: list[float]) -> bool:
    return all(map(isfinite, items))


_COLUMNS: dict[frozenset[type], Callable[[Any], bool]] = {
    frozenset({int}): _ints_fit,
    frozenset({bytes}): _bytes_fit,
    frozenset({bytes, NoneType}): _optional_bytes_fit,
    frozenset({float}): _floats_fit,
}
"""Lists of these are checked whole, at C speed: they are the columns of a batch of jobs."""


def _list_check(hint: Any) -> Check:
    hint = getattr(hint, "__supertype__", hint)
    members = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    if frozenset(members) in _COLUMNS:
        return _column_check(frozenset(members))
    item_check = _check_for(hint)

    def check(items: Any) -> Any:
        if type(items) is not list:
            raise Malformed("not a list")
        return [item_check(item) for item in items]

    return check


def _column_check(types: frozenset[type]) -> Check:
    fits = _COLUMNS[types]

    def check(items: Any) -> Any:
        if type(items) is not list or not types.issuperset(map(type, items)):
            raise Malformed("a list with an item of a wrong type")
        if items and not fits(items):
            raise Malformed("a list with an item out of range or over the limit")
        return items

    return check


def _dict_check(key_hint: Any, item_hint: Any) -> Check:
    key_check, item_check = _check_for(key_hint), _check_for(item_hint)

    def check(items: Any) -> Any:
        if type(items) is not dict:
            raise Malformed("not a map")
        return {key_check(key): item_check(item) for key, item in items.items()}

    return check


def _union_check(hints: tuple[Any, ...]) -> Check:
    checks = [_check_for(hint) for hint in hints]

    def check(item: Any) -> Any:
        for one in checks:
            try:
                return one(item)
            except Malformed:
                continue
        raise Malformed(f"{_shown(item)} fits none of the types of its field")

    return check


def _enum_check(cls: type[enum.Enum]) -> Check:
    def check(item: Any) -> Any:
        try:
            return cls(item)
        except ValueError as error:
            raise Malformed(f"{_shown(item)} is no {cls.__name__}") from error

    return check


def _value_check(cls: type) -> Check:
    required, checks = _class_checks(cls)

    def check(items: Any) -> Any:
        if type(items) is not list or not required <= len(items) <= len(checks):
            raise Malformed(f"not the fields of a {cls.__name__}")
        return cls(*[one(item) for one, item in zip(checks, items, strict=False)])

    return check
