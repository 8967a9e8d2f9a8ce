"""Exceptions taken apart, and with them all that they came from and hold.

Each part is pickled alone: what cannot travel is left out and named in a note, and takes nothing
else along. The nearest go first, and each part may take half of the room that is left: so what is
large or far away stays behind before what is small and near.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from picloud.code import values
from picloud.code.exceptions import state
from picloud.code.exceptions.links import LinkedExceptions
from picloud.code.exceptions.tracebacks import headline, shortened, text_of
from picloud.errors import original_of
from picloud.statemachine import value

MAX_PART = 1 << 20
MAX_RECORD = 8 << 20
MAX_TEXT = 64 << 10
"""Characters that are kept of a text which is too large for a part."""

_ROOM = MAX_RECORD - (2 << 20)
"""For all parts together; the rest is for what holds them."""

_SMALL = 200
"""Bytes of a part for which there is always room."""

_MAX_BRIEF = 200
_MAX_NAMED = 3
"""Of those left out."""

_OURS = frozenset({"message", "jid", "status", "hint", "_original"})
"""What a mixed error has besides what the job raised."""


@value
class ExceptionParts:
    """One exception. Others are named by their places in the list of all of them.

    Attributes:
        classes: its class, and the bases of that up to the first built-in one, nearest first: the
            first that can be had where it is rebuilt is taken.
        name: of its class, for people.
        job: the jid and the status of the job that it is the error of, if it is mixed with one.
        whole: it itself, if only its class knows its state.
        text: what it says, if nobody could tell from its arguments.
        traceback: its own, as text; empty if it was not raised or somebody else has it.
        members: of an exception group; text for those left out.
    """

    classes: list[bytes]
    name: str
    job: tuple[int, str] | None
    args: list[bytes]
    attributes: dict[str, bytes]
    notes: list[str]
    whole: bytes | None
    text: str
    traceback: str
    suppress_context: bool
    cause: int | None
    context: int | None
    members: list[int | str] | None


def pickled(error: BaseException, tracebacks: Mapping[int, str], notes: values.Notes) -> bytes:
    """Pickle an exception in parts; empty if even that cannot be.

    The error of another job travels as what that one raised, with what was added to it since.

    Args:
        error: the exception.
        tracebacks: texts, by the `id` of the exceptions that they belong to.
        notes: takes the handles and the modules that are met.
    """
    found = values.Notes()
    try:
        data = pickle.dumps(_Taking(error, tracebacks, found).all_parts(), values.PROTOCOL)
    except Exception:  # noqa: BLE001 - a class of the user that fakes the basic attributes
        return b""
    if len(data) > MAX_RECORD:
        return b""
    notes.handles += found.handles
    notes.roots |= found.roots
    return data


def class_name(cls: type) -> str:
    """The name of a class, with its module unless it is built in."""
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


class _Taking:
    """What is left of the room, and what else taking exceptions apart has to remember."""

    def __init__(
        self, error: BaseException, tracebacks: Mapping[int, str], found: values.Notes
    ) -> None:
        self._linked = LinkedExceptions(error)
        self._tracebacks = tracebacks
        self._found = found
        self._classes: dict[type, list[bytes]] = {}
        self._room = _ROOM

    def all_parts(self) -> list[ExceptionParts]:
        """Take apart one after the other; each may bring more to be found."""
        return [self._parts(place, error) for place, error in enumerate(self._linked.errors)]

    def _parts(self, place: int, error: BaseException) -> ExceptionParts:
        raised = _as_raised(error)
        cls = type(raised)
        left_out: list[str] = []
        args = self._arguments(error, left_out)
        attributes = self._attributes(error, left_out)
        notes = self._notes(error, left_out)
        cause = context = None
        traceback = ""
        if place not in self._linked.copies:
            cause = self._origin(place, "cause", error.__cause__, left_out)
            context = self._origin(place, "context", error.__context__, left_out)
            traceback = self._text(self._tracebacks.get(id(error), ""))
        return ExceptionParts(
            self._classes_of(cls),
            class_name(cls),
            _job_of(error),
            args,
            attributes,
            notes + left_out,
            self._part(raised) if state.is_closed(cls) else None,
            "" if error.args else self._text(text_of(raised)),
            traceback,
            error.__suppress_context__,
            cause,
            context,
            self._members(place, error),
        )

    # ------------------------------------------------------------------ one exception

    def _classes_of(self, cls: type[BaseException]) -> list[bytes]:
        known = self._classes.get(cls)
        if known is None:
            *own, builtin = _bases(cls)
            known = [part for part in map(self._part, own) if part is not None]
            known.append(values.dumps(builtin))  # a name: there is room
            self._classes[cls] = known
        return known

    def _arguments(self, error: BaseException, left_out: list[str]) -> list[bytes]:
        if isinstance(error, BaseExceptionGroup):
            return [values.dumps(self._cut(str(error.message), "the message", left_out))]
        parts = []
        for place, argument in enumerate(error.args):
            what = f"argument {place}"
            part = self._part(self._cut(argument, what, left_out))
            if part is None:
                left_out.append(_said(what, argument))
                part = values.dumps(f"<{type(argument).__qualname__}>")
            parts.append(part)
        return parts

    def _attributes(self, error: BaseException, left_out: list[str]) -> dict[str, bytes]:
        parts = {}
        for name, item in _attributes_of(error):
            part = self._part(self._cut(item, f"attribute {name}", left_out))
            if part is None:
                left_out.append(_said(f"attribute {name}", item))
            else:
                parts[name] = part
        return parts

    def _notes(self, error: BaseException, left_out: list[str]) -> list[str]:
        notes: list[str] = []
        own = state.notes_of(error)
        for note in own:
            if self._room < MAX_TEXT:
                left_out.append(f"[{len(own) - len(notes)} notes stayed on the worker]")
                break
            notes.append(self._cut(note, "this note", left_out))
            self._room -= _size(notes[-1])
        return notes

    # ------------------------------------------------------------------ what it is linked to

    def _origin(
        self, place: int, what: str, error: BaseException | None, left_out: list[str]
    ) -> int | None:
        if error is None or self._linked.is_circle(place, error):
            return None
        found = self._linked.origin(place, error)
        if found is None:
            left_out.append(f"[its {what} stayed on the worker: {_brief(error)}]")
        return found

    def _members(self, place: int, error: BaseException) -> list[int | str] | None:
        error = _as_raised(error)
        if not isinstance(error, BaseExceptionGroup):
            return None
        places = [(each, self._linked.member(place, each)) for each in error.exceptions]
        members: list[int | str] = [found for _, found in places if found is not None]
        behind = [each for each, found in places if found is None]
        if behind:
            members.append(self._text(_more(behind)))
        return members

    # ------------------------------------------------------------------ room

    def _part(self, item: Any) -> bytes | None:
        """Pickle a part; None if it has to stay here."""
        notes = values.Notes()
        try:
            data = values.dumps(item, notes)
        except (values.Unpicklable, values.Oversize, MemoryError, RecursionError):
            return None
        if len(data) > self._limit():
            return None
        self._room -= len(data)
        self._found.handles += notes.handles
        self._found.roots |= notes.roots
        return data

    def _limit(self) -> int:
        return min(MAX_PART, max(self._room // 2, _SMALL))

    def _text(self, text: str) -> str:
        text = shortened(text, max(self._limit() // 4, _MAX_BRIEF))  # a character has 4 bytes
        self._room -= _size(text)
        return text

    def _cut(self, item: Any, what: str, left_out: list[str]) -> Any:
        """Keep the beginning of a text that is too large for a part, and all else as it is."""
        limit = self._limit() - 100  # pickled it takes a bit more
        if type(item) is not str or len(item) <= limit // 4 or _size(item) < limit:
            return item
        kept = min(MAX_TEXT, limit // 4)
        left_out.append(f"[{what} was cut to the first {kept} of its {len(item)} characters]")
        return item[:kept]


def _bases(cls: type) -> Iterator[type[BaseException]]:
    """The class and its bases up to the first built-in one."""
    for base in cls.__mro__:
        if issubclass(base, BaseException):
            yield base
            if state.is_builtin(base):
                return


def _as_raised(error: BaseException) -> BaseException:
    """What a job raised, for an error that is mixed with it."""
    original = original_of(error)
    return error if original is None else original


def _job_of(error: BaseException) -> tuple[int, str] | None:
    if original_of(error) is None:
        return None
    jid, status = error.__dict__.get("jid"), error.__dict__.get("status")  # or the original's
    return (
        int(jid) if isinstance(jid, int) else 0,
        status if isinstance(status, str) else "error",
    )


def _attributes_of(error: BaseException) -> Iterator[tuple[str, Any]]:
    original = original_of(error)
    for name, item in state.attributes_of(error):
        if original is None or name not in _OURS or name in original.__dict__:
            yield name, item


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _said(what: str, item: Any) -> str:
    why = "it cannot be pickled, or takes too much room"
    return f"[{what} of type {type(item).__qualname__} stayed on the worker: {why}]"


def _more(errors: Sequence[BaseException]) -> str:
    briefs = [_brief(error) for error in errors[:_MAX_NAMED]] + ["..."] * (len(errors) > _MAX_NAMED)
    return f"[{len(errors)} more exceptions stayed on the worker: {'; '.join(briefs)}]"


def _brief(error: BaseException) -> str:
    return shortened(headline(error), _MAX_BRIEF)
