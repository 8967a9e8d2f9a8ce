"""Exceptions of user code to `Failure`s, and back to exceptions of the same class.

An exception is taken apart and each part is pickled alone, because its own `__reduce__` is not
to be relied on: for any class whose constructor takes something else than its `args` it makes
an object that fails when it is loaded. What cannot travel is left out and named in a note, so
describing never fails, and neither does rebuilding. Where a class cannot be had, its nearest base
that can stands for it.
"""

import builtins
import pickle
import traceback
import types
from collections.abc import Iterator
from typing import Any

from picloud.code import values
from picloud.errors import JobError
from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import value

MAX_MESSAGE = 8 << 10
MAX_TRACEBACK = 128 << 10
MAX_PART = 1 << 20
MAX_RECORD = 8 << 20
MAX_TEXT = 64 << 10
"""Characters that are kept of a text which is too large for a part."""

MAX_CHAIN = 8
"""How many exceptions are kept along `__cause__`, `__context__` and exception groups."""

_OURS = frozenset({"picloud", "picloud_worker", "asyncio"})
_C_ATTRIBUTES = (types.MemberDescriptorType, types.GetSetDescriptorType)


@value
class _Record:
    """An exception in parts, each part pickled.

    Attributes:
        classes: its class, and the bases of that up to the first built-in one, nearest first: the
            first that can be had where it is rebuilt is taken.
        name: of its class, for people.
    """

    classes: list[bytes]
    name: str
    args: list[bytes]
    attributes: dict[str, bytes]
    notes: list[str]
    suppress_context: bool
    cause: "_Record | None"
    context: "_Record | None"
    members: "list[_Record | str] | None"  # of an exception group; text for those left out


# ------------------------------------------------------------------ describe


def describe(error: BaseException) -> Failure:
    """Say what an exception of user code was, for people and for `rebuild`. Never fails."""
    handles: list[int] = []
    pickled = _pickled(error, handles)
    return Failure(
        FailureKind.EXCEPTION,
        _brief(error),
        _sendable(_class_name(type(error)), MAX_MESSAGE),
        _sendable(_traceback_text(error), MAX_TRACEBACK),
        pickled,
        handles or None,
    )


def _headline(error: BaseException) -> str:
    text = _attempt_str(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _attempt_str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a class of the user, which may do anything
        return f"<its __str__ raised {type(broken).__name__}>"


def _class_name(cls: type) -> str:
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


def _traceback_text(error: BaseException) -> str:
    """Everything Python would print, without the frames that lead to the user's function."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    try:
        text = traceback.TracebackException(type(error), error, trace, compact=True)
        _cut_raising(text, error)
        return "".join(text.format())
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        frames = "".join(traceback.format_tb(trace))
        return f"Traceback (most recent call last):\n{frames}{_headline(error)}\n"


def _cut_raising(text: traceback.TracebackException, error: BaseException) -> None:
    """Of the errors of other jobs, drop the frames in which we have raised them.

    They would come again at each level of nested jobs. Of all other errors they stay, as they may
    show a fault of ours.
    """
    parts: list[tuple[traceback.TracebackException | None, BaseException | None]]
    parts = [(text, error)]
    while parts:
        part, raised = parts.pop()
        if part is None or raised is None:
            continue
        if isinstance(raised, JobError):
            del part.stack[max(0, len(part.stack) - _ours_at_end(raised)) :]
        parts += [(part.__cause__, raised.__cause__), (part.__context__, raised.__context__)]
        if isinstance(raised, BaseExceptionGroup):
            parts += zip(part.exceptions or (), raised.exceptions, strict=False)


def _ours_at_end(error: BaseException) -> int:
    count = 0
    for frame, _ in traceback.walk_tb(error.__traceback__):
        count = count + 1 if _is_ours(frame) else 0
    return count


def _is_ours(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS


def _sendable(text: str, limit: int) -> str:
    """Cut the middle out of what is too long, and spell out what is no valid Unicode."""
    if len(text) > limit:
        left_out = f"\n[... {len(text) - limit} characters ...]\n"
        text = text[: limit // 4] + left_out + text[-(limit * 3 // 4) :]
    return text.encode("utf-8", "backslashreplace").decode()


def _pickled(error: BaseException, handles: list[int]) -> bytes:
    try:
        record = _take_apart(error, _Taking(handles))
    except Exception:  # noqa: BLE001 - a class of the user that fakes the basic attributes
        return b""
    data = b"" if record is None else pickle.dumps(record, values.PROTOCOL)
    return data if len(data) <= MAX_RECORD else b""


class _Taking:
    """What taking an exception apart has met: exceptions, and the handles of jobs in them."""

    def __init__(self, handles: list[int]) -> None:
        self.seen: set[int] = set()
        self.handles = handles

    def part(self, item: Any) -> bytes | None:
        """Pickle a part; None if it has to stay here."""
        notes = values.Notes()
        try:
            data = values.dumps(item, notes)
        except (values.Unpicklable, values.Oversize, MemoryError, RecursionError):
            return None
        if len(data) > MAX_PART:
            return None
        self.handles += notes.handles
        return data


def _take_apart(error: BaseException | None, taking: _Taking) -> _Record | None:
    if error is None or id(error) in taking.seen or len(taking.seen) >= MAX_CHAIN:
        return None
    taking.seen.add(id(error))
    classes = [part for cls in _bases(type(error)) if (part := taking.part(cls)) is not None]
    if not classes:
        return None
    notes: list[str] = []
    return _Record(
        classes,
        _class_name(type(error)),
        _arguments(error, taking, notes),
        _attributes(error, taking, notes),
        [_cut(note, "this note", notes) for note in _own_notes(error)] + notes,
        error.__suppress_context__,
        _take_apart(error.__cause__, taking),
        _take_apart(error.__context__, taking),
        _members(error, taking),
    )


def _bases(cls: type) -> Iterator[type]:
    for base in cls.__mro__:
        if issubclass(base, BaseException):
            yield base
            if base.__module__ == "builtins":
                return


def _arguments(error: BaseException, taking: _Taking, notes: list[str]) -> list[bytes]:
    if isinstance(error, BaseExceptionGroup):
        return [values.dumps(_cut(str(error.message), "the message", notes))]
    parts = []
    for place, argument in enumerate(error.args):
        what = f"argument {place}"
        part = taking.part(_cut(argument, what, notes))
        if part is None:
            notes.append(_left_out(what, argument))
            part = values.dumps(f"<{type(argument).__qualname__}>")
        parts.append(part)
    return parts


def _cut(item: Any, what: str, notes: list[str]) -> Any:
    """Keep the beginning of a text that is too large for a part, and leave all else as it is."""
    if type(item) is not str or len(item) <= MAX_TEXT:
        return item
    if len(item.encode("utf-8", "surrogatepass")) < MAX_PART - 100:  # pickled it takes a bit more
        return item
    notes.append(f"[{what} was cut to the first {MAX_TEXT} of its {len(item)} characters]")
    return item[:MAX_TEXT]


def _attributes(error: BaseException, taking: _Taking, notes: list[str]) -> dict[str, bytes]:
    parts = {}
    for name, item in _attribute_values(error):
        part = taking.part(_cut(item, f"attribute {name}", notes))
        if part is None:
            notes.append(_left_out(f"attribute {name}", item))
        else:
            parts[name] = part
    return parts


def _attribute_values(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Attributes of the instance, of `__slots__`, and of built-in classes, such as `errno`."""
    for cls in type(error).__mro__:
        if cls in (BaseException, BaseExceptionGroup, object):
            continue
        for name, descriptor in vars(cls).items():
            if isinstance(descriptor, _C_ATTRIBUTES) and not name.startswith("__"):
                item = getattr(error, name, None)
                if item is not None:  # None is also how an empty field of a built-in class reads
                    yield name, item
    for name, item in list(error.__dict__.items()):
        if name != "__notes__":
            yield name, item


def _left_out(what: str, item: Any) -> str:
    return f"[{what} of type {type(item).__qualname__} stayed on the worker: it cannot be pickled]"


def _own_notes(error: BaseException) -> list[str]:
    try:
        notes = getattr(error, "__notes__", None)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return []
    if not isinstance(notes, list | tuple):
        return []
    return [note for note in notes if isinstance(note, str)]


def _members(error: BaseException, taking: _Taking) -> "list[_Record | str] | None":
    if not isinstance(error, BaseExceptionGroup):
        return None
    return [_take_apart(each, taking) or _brief(each) for each in error.exceptions]


def _brief(error: BaseException) -> str:
    return _sendable(_headline(error), MAX_MESSAGE)


# ------------------------------------------------------------------ rebuild


def rebuild(data: bytes) -> BaseException | None:
    """Make the exception that `describe` pickled; None if its class cannot be had here."""
    if not data:
        return None
    try:
        record = values.loads(data)
    except Exception:  # noqa: BLE001 - damaged bytes: the failure's texts are still there
        return None
    return _put_together(record) if isinstance(record, _Record) else None


def _put_together(record: _Record) -> BaseException | None:
    notes = list(record.notes)
    cls = _nearest(record, notes)
    if cls is None:
        return None
    args = [_loaded(part, notes, f"argument {n}") for n, part in enumerate(record.args)]
    if record.members is not None:
        args.append([_member(each) for each in record.members])
    error = _new(cls, args)
    if error is None:
        return None
    for name, part in record.attributes.items():
        _set(error, name, _loaded(part, notes, f"attribute {name}"))
    _set(error, "__cause__", _put_together(record.cause) if record.cause else None)
    _set(error, "__context__", _put_together(record.context) if record.context else None)
    _set(error, "__suppress_context__", record.suppress_context)
    if notes:
        _set(error, "__notes__", notes)
    return error


def _nearest(record: _Record, notes: list[str]) -> type[BaseException] | None:
    for place, part in enumerate(record.classes):
        cls = _loaded(part, [], "")
        if isinstance(cls, type) and issubclass(cls, BaseException):
            if place or _class_name(cls) != record.name:
                notes.append(f"[there it is a {record.name}, which cannot be loaded here]")
            return cls
    return None


def _loaded(part: bytes, notes: list[str], what: str) -> Any:
    try:
        return values.loads(part)
    except Exception as error:  # noqa: BLE001 - classes of users run here and raise what they like
        notes.append(f"[{what} cannot be loaded here: {type(error).__name__}: {error}]")
        return None


def _member(member: "_Record | str") -> BaseException:
    if isinstance(member, str):
        return Exception(member)
    return _put_together(member) or Exception("[an exception whose class cannot be loaded here]")


def _new(cls: type[BaseException], args: list[Any]) -> BaseException | None:
    """Make an instance without its `__init__`, which may want other arguments or do anything."""
    for new in (cls.__new__, builtin_base(cls).__new__):
        try:
            error = new(cls, *args)
        except Exception:  # noqa: BLE001 - a `__new__` of the user wants other arguments
            continue
        if isinstance(error, cls):
            if not isinstance(error, BaseExceptionGroup):
                _set(error, "args", tuple(args))
            return error
    return None


def builtin_base(cls: type[BaseException]) -> type[BaseException]:
    """The built-in class whose `__new__` makes instances of this one.

    That is the one which they are laid out like, not the first in the `__mro__`: Python calls
    `MemoryError.__new__` unsafe for a class that has MemoryError as its second base.
    """
    base: type[Any] = cls
    while base.__base__ and getattr(builtins, base.__name__, None) is not base:
        base = base.__base__
    return base


def _set(error: BaseException, name: str, item: Any) -> None:
    """Set an attribute, of a class that allows no change (a frozen dataclass) as well."""
    try:
        object.__setattr__(error, name, item)
    except Exception:  # noqa: BLE001 - a property of the user may raise anything
        return  # read-only where it comes from; `__new__` has set it from the arguments
